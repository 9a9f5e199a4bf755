// Disks that are full: nothing that was promised is lost, and everything goes on when there is room again.
import type { ApiClient } from '@runyard/api-client';
import { waitFor } from '@runyard/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { docker } from './docker.js';
import { expectGapless, FollowedRun } from './followed-run.js';
import { Stack } from './stack.js';

let stack: Stack;
let client: ApiClient;
/** A container that holds the small disks, so that they outlive the containers of the product, and fills them. */
let holder: string;
beforeAll(async () => {
  stack = await Stack.prepare('disk', { RUNYARD_MIN_FREE_MB: '64' });
  await stack.override({ volumes: { data: smallDisk('320m'), redis: smallDisk('16m') } });
  await stack.compose('create', '--no-build');
  const disks = ['-v', `${stack.project}_data:/data`, '-v', `${stack.project}_redis:/redis`];
  holder = await docker('run', '-d', '--name', `${stack.project}-holder`, '--user=0', '--entrypoint=sleep', ...disks, `runyard-api:${inject('testRun')}`, 'infinity');
  await stack.up();
  client = await stack.client();
});
afterAll(async () => {
  if (holder !== undefined) await docker('rm', '-f', holder);
  await stack?.close();
});

function smallDisk(size: string): object {
  return { driver: 'local', driver_opts: { type: 'tmpfs', device: 'tmpfs', o: `size=${size}` } };
}

async function fill(disk: string): Promise<void> {
  await docker('exec', holder, 'sh', '-c', `cat /dev/zero >/${disk}/fill 2>/dev/null; df /${disk} | grep -q 100%`);
}

function makeRoom(disk: string): Promise<string> {
  return docker('exec', holder, 'rm', `/${disk}/fill`);
}

test('the data directory is full: no run is begun, those that are under way end with whole answers, and all goes on when there is room', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[long kb=512 delay=50]]' });
  await followed.untilTalking();
  await fill('data');
  await waitFor(async () => (await stack.logs('worker')).includes('no room on the disk'), { what: 'the worker to notice' });
  const next = await FollowedRun.start(client, { prompt: '[[edit]]' });
  const run = await followed.over();
  expect(run.failure).toBe(null);
  expect(run.status).toBe('succeeded');
  expectGapless(followed);
  expect(followed.text).toBe(run.result);
  expect(await stack.logs('worker')).toContain('ENOSPC');
  expect(await client.run(next.id)).toMatchObject({ status: 'queued', attempt: 0 });
  expect(await stack.shell('worker', 'healthcheck 8081 /readyz && echo ready || echo waiting')).toBe('waiting');

  await makeRoom('data');
  expect(await next.over()).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect(await (await FollowedRun.start(client, { prompt: '[[edit]]', session_id: next.sessionId })).over()).toMatchObject({ status: 'succeeded' });
  const events = [];
  for await (const event of client.events(run.id, { deltas: false })) events.push(event);
  expect(events).toEqual(followed.events.filter((event) => event.type !== 'claude.stream_event'));
});

test('the disk of Redis is full: runs are refused, not forgotten, and everything is there when there is room', async () => {
  const before = await (await FollowedRun.start(client, { prompt: 'hello' })).over();
  await fill('redis');
  const impatient = await stack.client({ patienceMs: 0 });
  const refused = () => impatient.createRun({ prompt: 'hello' }).then(() => false, () => true);
  await waitFor(refused, { what: 'runs to be refused', timeoutMs: 60_000 });

  await makeRoom('redis');
  // The engine waits longer after each start that failed.
  await stack.compose('restart', 'redis');
  expect(await client.run(before.id)).toEqual(before);
  expect(await (await FollowedRun.start(client, { prompt: 'hello' })).over()).toMatchObject({ status: 'succeeded' });
});
