// What breaks in containers without costing an attempt: Redis, the API and the network for a moment, each under a live run.
import type { ApiClient } from '@runyard/api-client';
import type { Run } from '@runyard/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectGapless, FollowedRun } from './followed-run.js';
import { script } from './ledger.js';
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

/**
 * Disturbs a run while it talks. That it costs no attempt is promised for a disturbance of `momentMs` at most: one that took longer
 * proves nothing, and another run is disturbed then.
 * @param disturb answers how long it took, in milliseconds
 */
async function disturbed(prompt: string, momentMs: number, disturb: () => Promise<number>): Promise<{ followed: FollowedRun; run: Run }> {
  const took: number[] = [];
  while (took.length < 5) {
    const followed = await FollowedRun.start(client, { prompt });
    await followed.untilTalking();
    const ms = Math.round(await disturb());
    took.push(ms);
    const run = await followed.over();
    expect(run.status).toBe('succeeded');
    expectGapless(followed);
    console.log(`the disturbance took ${ms} of ${momentMs} ms at most`);
    if (ms > momentMs) continue;
    expect(run.attempt).toBe(1);
    return { followed, run };
  }
  throw new Error(`this machine is too slow for a disturbance of ${momentMs} ms at most: it took ${took.join(', ')} ms`);
}

test.each([
  ['restarted', () => stack.compose('restart', 'redis')],
  ['killed', () => stack.killProcess('redis')],
])('Redis is %s under a live stream: the run goes on and the stream has no gap', async (_how, disturb) => {
  const away = async () => {
    await disturb();
    return stack.awayMs('redis');
  };
  // The last renewal may be 4 s old, and the worker asks every second at most: with 5 s more its lease holds.
  const { followed, run } = await disturbed('[[slow n=16 delay=500]]', 5000, away);
  expectWhole(followed, run.result);
});

test('kill -9 of the API under a live stream: the viewer comes back and misses nothing', async () => {
  const text = 'word '.repeat(60);
  // It cannot end before the API is killed, however long that takes.
  const untilBack = { bash: 'until [ -e /workspaces/back ]; do sleep 0.1; done' };
  const followed = await FollowedRun.start(client, script([{ text, delay: 100 }, untilBack], { text: 'the end' }));
  await followed.untilTalking();
  await stack.killProcess('api');
  await stack.shell('worker', 'touch /workspaces/back');
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1, result: 'the end' });
  expect(followed.reconnects).toBeGreaterThan(0);
  expectGapless(followed);
  expect(followed.text).toBe(`${text}the end`);
});

test('the worker is cut off for a moment: the run goes on', async () => {
  const cut = async () => {
    // It looks from before the cut on: the start of a command in the container must not make the cut longer.
    const noticed = stack.shell('worker', `timeout 30 bash -c 'while healthcheck 8081 /readyz; do sleep 0.1; done'`);
    return stack.withoutNetwork('worker', async () => void (await noticed));
  };
  // The model is cut off as well; Claude asks it again by itself. What was sent in vain is sent again 3 s later, and the time after
  // that 6 s later, which may be too late for the lease.
  await disturbed('[[slow n=12 delay=500]]', 3000, cut);
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
