// What breaks in containers without costing an attempt: Redis, the API and the network for a moment, each under a live run.
import { waitFor } from '@runyard/testing';
import type { ApiClient } from '@runyard/api-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectGapless, FollowedRun } from './followed-run.js';
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
  expectGapless(followed);
  expect(followed.text).toBe(result);
}

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
  await stack.withoutNetwork('worker', async () => {
    // The model is cut off as well; Claude asks it again by itself.
    const state = () => stack.shell('worker', 'healthcheck 8081 /readyz && echo ready || echo waiting');
    await waitFor(async () => (await state()) === 'waiting', { what: 'the worker to notice' });
  });
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expectGapless(followed);
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
