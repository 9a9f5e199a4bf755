// Redis loses what it had confirmed while the worker lives: the log gets it back under its numbers, and nobody else's run is touched.
import { waitFor } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { Lease, NewEvent, RunStore } from './index.js';
import { claimed, created, delta, following, linesOf, logOf, message, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
/** Of the worker and of the viewers. */
let store: RunStore;
let viewers: RunStore;
const restored: { readonly runId: string; readonly events: number }[] = [];

onStoreStand((stand) => {
  ({ redis, store } = stand);
  viewers = stand.stores[1] ?? store;
}, { stores: 2, onRestored: (runId, events) => restored.push({ runId, events }) });

/** Every key of the run and of the indexes as it is now; the function that is answered puts all of it back. */
async function remember(): Promise<() => Promise<void>> {
  const keys = await redis.keys('*');
  const dumps = await Promise.all(keys.map(async (key) => ({ key, dump: await redis.dumpBuffer(key) })));
  return async () => {
    const back = redis.multi().flushall();
    for (const { key, dump } of dumps) if (dump) back.restore(key, 0, dump);
    await back.exec();
  };
}

/** As a fail-over does it. */
const reconnect = () => redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
const texts = (lease: Lease, first: number, ...words: string[]): Promise<unknown> => words.reduce<Promise<unknown>>((before, word, index) => before.then(() => store.append(lease, first + index, [message(word)])), Promise.resolve());
const log = async (id: string): Promise<string[]> => linesOf((await logOf(viewers, id)).events);

describe('a log that ends before what its worker knows', () => {
  test('gets back what was lost before the next flush is added: the same numbers, times and bytes', async () => {
    const { id, lease } = await started(store);
    const viewer = following(viewers, id);
    await texts(lease, 1, 'a', 'b');
    const back = await remember();
    await store.append(lease, 3, [message('c'), delta('d')]);
    await texts(lease, 4, 'e');
    const before = (await logOf(viewers, id)).events;
    await waitFor(() => viewer.events.length === before.length, { what: 'the viewer to have seen all' });
    await back();
    expect((await logOf(viewers, id)).events).toHaveLength(before.length - 3);
    expect(await store.append(lease, 5, [message('f')])).toEqual({ kind: 'appended', firstSeq: 8, lastSeq: 8 });
    expect((await logOf(viewers, id)).events.slice(0, -1)).toEqual(before);
    expect(restored).toContainEqual({ runId: id, events: 3 });
    await store.finish(lease, SUCCEEDED);
    await viewer.done;
    expect(viewer.events).toEqual((await logOf(viewers, id)).events);
  });

  test('also when the flush that finds it out was sent before and is sent again', async () => {
    const { id, lease } = await started(store);
    const back = await remember();
    await texts(lease, 1, 'a', 'b', 'c');
    await back();
    expect(await store.append(lease, 3, [message('c')])).toEqual({ kind: 'appended', firstSeq: 5, lastSeq: 5 });
    expect((await log(id)).slice(2)).toEqual(['a', 'b', 'c'].map((word, index) => `1-${index + 3} claude.assistant ${String(message(word).data)}`));
  });

  test.each(['finish', 'park', 'hand over'] as const)('before %s', async (what) => {
    const { id, lease } = await started(store);
    const back = await remember();
    await texts(lease, 1, 'a', 'b');
    const before = await log(id);
    await back();
    const flush = { number: 3, events: [message('c')] };
    if (what === 'finish') await store.finish(lease, SUCCEEDED, flush);
    else if (what === 'park') await store.park(lease, { waitingFor: 'recovery', left: 'recovery', detail: 'x' }, flush);
    else await store.handOver(lease, flush);
    const after = await log(id);
    expect(after.slice(0, 5)).toEqual([...before, `1-5 claude.assistant ${String(message('c').data)}`]);
    expect(after[5]).toMatch({ finish: /^1-6 run\.finished/, park: /^1-6 run\.waiting/, 'hand over': /^1-6 run\.handed_over/ }[what]);
  });

  test('with what others had written in between', async () => {
    const { id, lease } = await started(store);
    const back = await remember();
    await texts(lease, 1, 'a');
    await viewers.cancel(id);
    await texts(lease, 2, 'b');
    const before = await log(id);
    expect(before.join('\n')).toContain('1-4 input.received');
    await back();
    await texts(lease, 3, 'c');
    expect((await log(id)).slice(0, -1)).toEqual(before);
  });

  test('when Redis is back, also without a next flush', async () => {
    const { id, lease } = await started(store);
    const back = await remember();
    await texts(lease, 1, 'a', 'b');
    const before = await log(id);
    await back();
    await reconnect();
    await waitFor(async () => (await log(id)).length === before.length, { what: 'the lost events' });
    expect(await log(id)).toEqual(before);
  });

  test('of which nothing is remembered: the run goes on and ends all the same', async () => {
    const { id, lease } = await started(store);
    await redis.hset(`runyard:run:${id}`, 'seq', 1);
    await redis.del(`runyard:run:${id}:events`);
    expect((await store.finish(lease, SUCCEEDED)).kind).toBe('finished');
  });

  test('what is not remembered any more stays lost, and its numbers are not used again', async () => {
    const { id, lease } = await started(store);
    const back = await remember();
    const large: NewEvent = message('x'.repeat(200_000));
    for (let flush = 1; flush <= 10; flush += 1) await store.append(lease, flush, [large, large, large, large]);
    const before = await logOf(viewers, id);
    await back();
    expect(await store.append(lease, 11, [message('z')])).toEqual({ kind: 'appended', firstSeq: 43, lastSeq: 43 });
    const { events } = await logOf(viewers, id);
    expect(events.length).toBeLessThan(before.events.length);
    expect(events.slice(2, -1)).toEqual(before.events.slice(-(events.length - 3)));
  });
});

describe('a run that ended in the lost time', () => {
  test('ends again as it had ended, without a worker doing anything twice', async () => {
    const { id, lease } = await started(store);
    await texts(lease, 1, 'a');
    const back = await remember();
    await texts(lease, 2, 'b');
    await store.finish(lease, SUCCEEDED, { number: 3, events: [message('c')] });
    const before = (await logOf(viewers, id)).events;
    await back();
    expect(await store.get(id)).toMatchObject({ status: 'running' });
    await reconnect();
    await waitFor(async () => (await store.get(id))?.status === 'succeeded', { what: 'the end' });
    expect((await logOf(viewers, id)).events).toEqual(before);
    expect((await store.get(id))?.endedAt).toBe(before.at(-1)?.ts);
  });

  test('not when somebody else has it meanwhile', async () => {
    const run = await created(store);
    const back = await remember();
    const { id, lease } = await claimed(store, { runId: run.id, dispatch: 1 });
    await texts(lease, 1, 'a');
    await store.finish(lease, SUCCEEDED);
    await back();
    const other = await claimed(viewers, { runId: id, dispatch: 1 }, 'wrk_other');
    await reconnect();
    expect(await viewers.append(other.lease, 1, [message('of the other')])).toEqual({ kind: 'appended', firstSeq: 3, lastSeq: 3 });
    expect(await store.finish(lease, SUCCEEDED)).toEqual({ kind: 'lost' });
    expect(await store.get(id)).toMatchObject({ status: 'running', workerId: 'wrk_other', seq: 3 });
  });
});

test('a worker whose claim was lost writes nothing into the same attempt of another worker, and takes nothing from it', async () => {
  const run = await created(store);
  const back = await remember();
  const { id, lease } = await claimed(store, { runId: run.id, dispatch: 1 }, 'wrk_first');
  await texts(lease, 1, 'a', 'b');
  await back();
  const other = await claimed(viewers, { runId: id, dispatch: 1 }, 'wrk_other');
  expect(other.lease.attempt).toBe(lease.attempt);
  expect(await store.append(lease, 3, [message('c')])).toEqual({ kind: 'lost' });
  expect(await store.park(lease, { waitingFor: 'recovery', left: 'recovery', detail: 'x' })).toEqual({ kind: 'lost' });
  expect(await store.handOver(lease)).toBeUndefined();
  expect(await store.requeue(lease, 'lease_lost')).toBeUndefined();
  expect(await store.raiseAttempt(lease, 7)).toBeUndefined();
  expect(await store.finish(lease, SUCCEEDED)).toEqual({ kind: 'lost' });
  expect(await store.get(id)).toMatchObject({ status: 'running', workerId: 'wrk_other', attempt: 1, seq: 2 });
});
