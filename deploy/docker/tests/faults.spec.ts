// What breaks in containers: the worker, Redis, the API and the network between them, each under a live run.
import { sessionUuidOf } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import type { ApiClient } from '@runyard/api-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from './docker.js';
import { FollowedRun, upTo } from './followed-run.js';
import { Stack } from './stack.js';

let stack: Stack;
let client: ApiClient;
beforeAll(async () => {
  stack = await Stack.start('faults');
  client = await stack.client();
});
afterAll(() => stack?.close());

/** Nothing is missing, nothing came twice, and the pieces of text make the answer. */
function expectWhole(followed: FollowedRun, result: string | null): void {
  expect(followed.wasReset).toBe(false);
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
  expect(followed.events.at(-1)?.type).toBe('run.finished');
  expect(followed.text).toBe(result);
}

async function expectWorking(): Promise<void> {
  const run = await (await FollowedRun.start(client, { prompt: 'hello' })).over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
}

test('kill -9 of the worker: it comes back, its run is ended as lost, nothing is left over', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=300]]' });
  await followed.untilTalking();
  const uuid = sessionUuidOf(followed.sessionId);
  expect(await stack.processesWith(uuid)).not.toEqual([]);
  expect(await stack.shell('worker', 'ls /tmp')).toMatch(/runyard-/);

  await stack.killProcess('worker');
  expect(await stack.processesWith(uuid)).toEqual([]);
  expect(await stack.shell('worker', 'ls -A /tmp /home/runyard')).toBe('/home/runyard:\n\n/tmp:');

  const run = await followed.over();
  expect(run).toMatchObject({ status: 'failed', failure: { code: 'worker_lost' }, attempt: 2 });
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
  await expectWorking();
});

test.each([
  ['restarted', () => stack.compose('restart', 'redis')],
  ['killed', () => stack.killProcess('redis')],
])('Redis is %s under a live stream: the run goes on and the stream has no gap', async (_how, disturb) => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=16 delay=500]]' });
  await followed.untilTalking();
  await disturb();
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expectWhole(followed, run.result);
});

test('kill -9 of the API under a live stream: the viewer comes back and misses nothing', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=12 delay=500]]' });
  await followed.untilTalking();
  await stack.killProcess('api');
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect(followed.reconnects).toBeGreaterThan(0);
  expectWhole(followed, run.result);
});

test('the worker is cut off for a moment: the run goes on', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=12 delay=500]]' });
  await followed.untilTalking();
  await withoutNetwork('worker', async () => {
    // The model is cut off as well; Claude asks it again by itself.
    const state = () => stack.shell('worker', 'healthcheck 8081 /readyz && echo ready || echo waiting');
    await waitFor(async () => (await state()) === 'waiting', { what: 'the worker to notice' });
  });
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
});

test('the worker is cut off for longer than its lease: its process ends by itself, the run is ended as lost when it is back', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=300]]' });
  await followed.untilTalking();
  const uuid = sessionUuidOf(followed.sessionId);
  await withoutNetwork('worker', async () => {
    await waitFor(async () => (await stack.processesWith(uuid)).length === 0, { what: 'claude to be ended without the network', timeoutMs: 60_000 });
    await waitFor(async () => (await client.run(followed.id)).reason === 'lease_expired', { what: 'the run to show that its lease is over', timeoutMs: 60_000 });
  });
  expect(await followed.over()).toMatchObject({ status: 'failed', failure: { code: 'worker_lost' } });
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
  await expectWorking();
});

test('three workers: each takes a run; those that are taken away again finish theirs first', async () => {
  stack.settings = { RUNYARD_CAPACITY: '1', RUNYARD_WORKERS: '3' };
  await stack.up();
  const runs = await Promise.all([1, 2, 3].map(() => FollowedRun.start(client, { prompt: '[[slow n=24 delay=500]]' })));
  await Promise.all(runs.map((run) => run.untilTalking(1)));
  const workers = await Promise.all(runs.map(async ({ id }) => (await client.run(id)).worker_id));
  expect(new Set(workers).size).toBe(3);
  const ready = (await client.workers()).filter((worker) => worker.state !== 'lost');
  expect(ready.map((worker) => worker.id).toSorted()).toEqual(workers.toSorted());

  await stack.up();
  expect(await stack.containers('worker')).toHaveLength(3);

  stack.settings = { RUNYARD_CAPACITY: '1' };
  await stack.up();
  expect(await stack.containers('worker')).toHaveLength(1);
  for (const run of runs) expectWhole(run, (await run.over()).result);
});

/** Takes the container off the network on which Redis is, does something, and puts it back as compose had it. */
async function withoutNetwork(service: string, work: () => Promise<void>): Promise<void> {
  const { Id } = await stack.container(service);
  const network = `${stack.project}_backend`;
  await docker('network', 'disconnect', '-f', network, Id);
  try {
    await work();
  } finally {
    await docker('network', 'connect', '--alias', service, network, Id);
  }
}
