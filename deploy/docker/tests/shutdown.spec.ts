// Stopping and starting again: with a run in flight, and from a backup on an empty machine.
import type { ApiClient } from '@runyard/api-client';
import type { RunEvent } from '@runyard/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FollowedRun, upTo } from './followed-run.js';
import { Stack } from './stack.js';

let stack: Stack;
let client: ApiClient;
beforeAll(async () => {
  stack = await Stack.start('stop');
  client = await stack.client();
});
afterAll(() => stack?.close());

async function eventsOf(id: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of client.events(id)) events.push(event);
  return events;
}

/** Where Redis and the data directory are, the key and everything that is known of the runs. */
async function everything(ids: readonly string[]): Promise<unknown> {
  const key = await stack.compose('exec', '-T', 'api', 'runyard', 'key');
  return { key, runs: await Promise.all(ids.map((id) => client.run(id))), events: await Promise.all(ids.map(eventsOf)) };
}

test('compose down with a run in flight: the run is finished first, and everything is there after the next up', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=12 delay=500]]' });
  await followed.untilTalking();
  await stack.compose('down');
  expect(await stack.containers()).toEqual([]);

  await stack.up();
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
  expect(followed.text).toBe(run.result);
});

test('every container is replaced, as an upgrade does, with a run in flight: the old worker finishes it, the viewer sees all of it', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=12 delay=500]]' });
  await followed.untilTalking();
  const ids = async () => (await Promise.all(['api', 'worker'].map((service) => stack.container(service)))).map(({ Id }) => Id);
  const before = await ids();
  stack.settings = { RUNYARD_LOG_LEVEL: 'debug' };
  await stack.up();
  expect((await ids()).filter((id) => before.includes(id))).toEqual([]);
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
  expect(followed.text).toBe(run.result);
});

test('a backup that was taken while runs were going on brings everything back on an empty machine', async () => {
  const edit = await FollowedRun.start(client, { prompt: '[[edit]]' });
  const small = await edit.over();
  const large = await (await FollowedRun.start(client, { prompt: '[[long kb=512]]' })).over();
  const live = await FollowedRun.start(client, { prompt: '[[slow n=600]]' });
  await live.untilTalking();
  const ids = [small.id, large.id];
  const before = await everything(ids);

  const saved = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'save']);
  expect(saved.code, saved.text.slice(0, 2000)).toBe(0);
  const early = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'load'], saved.stdout);
  expect(early.code).not.toBe(0);
  expect(early.text).toContain('stop everything first: docker compose down');

  await stack.compose('down', '-v', '-t', '1');
  const load = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'load'], saved.stdout);
  expect(load.code, load.text).toBe(0);
  await stack.up();
  client = await stack.client();
  expect(await everything(ids)).toEqual(before);
  expect(await stack.shell('worker', `cat ${edit.directory}/runyard-demo.md`)).toContain('state: done');
  // Its worker does not exist any more.
  const lost = await client.run(live.id, { wait: 60 });
  expect(lost).toMatchObject({ status: 'failed', failure: { code: 'worker_lost' } });
  expect(await (await FollowedRun.start(client, { prompt: 'goes on', session_id: small.session_id })).over()).toMatchObject({ status: 'succeeded' });
});

test('a run that may not finish is ended in order; a broken backup is refused and costs nothing', async () => {
  stack.settings = { RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' };
  await stack.up();
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=600]]' });
  await followed.untilTalking();
  const saved = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'save']);
  await stack.compose('down');
  for (const broken of [Buffer.alloc(0), Buffer.from('no archive'), saved.stdout.subarray(0, saved.stdout.length >> 1)]) {
    const load = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'load'], broken);
    expect(load.code).not.toBe(0);
    expect(load.text).toContain('this is no complete backup; nothing was changed');
  }

  await stack.up();
  expect(await followed.over()).toMatchObject({ status: 'failed', failure: { code: 'worker_lost' }, attempt: 1 });
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
});
