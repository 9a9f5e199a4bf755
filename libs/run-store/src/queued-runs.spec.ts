// Runs in the queue: priority, time of start, time of expiry; each happens once, whoever looks and however often.
import { newId } from '@runyard/domain';
import type { CreateRun } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RunStore } from './index.js';
import { claimed, created, linesOf, logOf, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let server: TestRedis;
let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ server, redis, store } = stand));
beforeEach(() => server.flush());

const asked = (fields: Partial<CreateRun>): CreateRun => ({ prompt: 'go', ...fields });
const at = (offsetMs: number): string => new Date(Date.now() + offsetMs).toISOString();
const lines = async (id: string): Promise<string[]> => linesOf((await logOf(store, id)).events);
const positions = async (ids: readonly string[]): Promise<(number | null | undefined)[]> => Promise.all(ids.map(async (id) => (await store.get(id))?.queuePosition));
/** Lets the time of a run have come, or be over. */
const setTime = async (set: 'due' | 'expiries', field: 'run_at' | 'expires', id: string): Promise<void> => {
  expect(await redis.zadd(`runyard:${set}`, 'XX', 'CH', 1, id)).toBe(1);
  await redis.hset(`runyard:run:${id}`, field, 1);
};

describe('priority', () => {
  test('a higher one stands before, equals stand in the order they came; the place is told and moves up', async () => {
    const plain = await created(store);
    const low = await created(store, asked({ priority: -10 }));
    const high = await created(store, asked({ priority: 10 }));
    const later = await created(store);
    const ids = [high.id, plain.id, later.id, low.id];
    expect([high, plain, later, low].map((run) => run.priority)).toEqual([10, 0, 0, -10]);
    expect(await positions(ids)).toEqual([1, 2, 3, 4]);
    await claimed(store, { runId: high.id, dispatch: 1 });
    await store.cancel(plain.id);
    expect(await positions(ids)).toEqual([null, null, 1, 2]);
    expect((await store.queued.backlog()).depth).toBe(2);
  });

  test('the dispatches say it, and what has none says nothing', async () => {
    const urgent = await created(store, asked({ priority: 3 }));
    const plain = await created(store);
    expect(await store.undispatched(0, 10)).toEqual([{ runId: urgent.id, dispatch: 1, priority: 3 }, { runId: plain.id, dispatch: 1 }]);
  });

  test('a run that is moved gets a dispatch that counts, and the earlier one is stale', async () => {
    const [first, second] = [await created(store), await created(store)];
    const answer = await store.queued.prioritize(second.id, 4);
    expect(answer).toMatchObject({ kind: 'moved', next: { runId: second.id, dispatch: 2, priority: 4 }, old: { runId: second.id, dispatch: 1 }, run: { priority: 4, queuePosition: 1 } });
    expect(await positions([second.id, first.id])).toEqual([1, 2]);
    expect(await store.undispatched(0, 10)).not.toContainEqual({ runId: second.id, dispatch: 1, priority: 4 });
    expect(await lines(second.id)).toEqual(['0-1 run.queued {"dispatch":1}', '0-2 run.queued {"dispatch":2,"reason":"priority"}']);
    expect(await store.claim({ runId: second.id, dispatch: 1, workerId: 'w' })).toEqual({ kind: 'stale' });
    await claimed(store, { runId: second.id, dispatch: 2 });
    expect(await store.queued.prioritize(second.id, 1)).toEqual({ kind: 'not_queued', status: 'running' });
    expect(await store.queued.prioritize(newId('run'), 1)).toEqual({ kind: 'not_found' });
    expect(await store.queued.prioritize('x:y', 1)).toEqual({ kind: 'not_found' });
  });

  test('the same priority again moves nothing; a run that waits for its session takes the priority along', async () => {
    const run = await created(store, asked({ priority: 2 }));
    expect(await store.queued.prioritize(run.id, 2)).toMatchObject({ kind: 'moved', next: null, old: null, run: { dispatch: 1 } });
    const holder = await started(store);
    const behind = await created(store, asked({ session_id: holder.run.sessionId }));
    expect(await store.queued.prioritize(behind.id, 7)).toMatchObject({ kind: 'moved', next: null, run: { queuePosition: null, queuedReason: 'session' } });
    expect(await store.finish(holder.lease, SUCCEEDED)).toEqual({ kind: 'finished', next: { runId: behind.id, dispatch: 1, priority: 7 } });
    expect(await positions([behind.id, run.id])).toEqual([1, 2]);
  });
});

describe('what waits', () => {
  test('counts only what a worker could take, and tells the longest wait of all priorities', async () => {
    expect(await store.queued.backlog()).toEqual({ depth: 0, oldestWaitMs: null });
    const old = await created(store, asked({ priority: -10 }));
    await redis.zincrby('runyard:backlog', -60_000, old.id);
    await created(store, asked({ priority: 10 }));
    await created(store, asked({ run_at: at(3_600_000) }));
    const running = await started(store);
    await created(store, asked({ session_id: running.run.sessionId }));
    const { depth, oldestWaitMs } = await store.queued.backlog();
    expect(depth).toBe(2);
    expect(oldestWaitMs).toBeGreaterThanOrEqual(60_000);
  });
});

describe('run_at', () => {
  test('before its time there is no dispatch; then exactly one, whoever looks', async () => {
    const run = await created(store, asked({ run_at: at(3_600_000) }));
    expect(run).toMatchObject({ status: 'queued', queuedReason: 'run_at', dispatch: 0, queuePosition: null });
    expect(await store.queued.advance(10)).toEqual([]);
    expect(await store.claim({ runId: run.id, dispatch: 0, workerId: 'w' })).toEqual({ kind: 'stale' });
    await setTime('due', 'run_at', run.id);
    const looks = await Promise.all(Array.from({ length: 8 }, () => store.queued.advance(10)));
    expect(looks.flat()).toEqual([{ runId: run.id, dispatch: 1 }]);
    expect(await lines(run.id)).toEqual(['0-1 run.queued {"dispatch":0,"reason":"run_at"}', '0-2 run.queued {"dispatch":1}']);
    expect(await store.get(run.id)).toMatchObject({ queuedReason: 'capacity', queuePosition: 1 });
    await claimed(store, { runId: run.id, dispatch: 1 });
  });

  test('by the clock of Redis it comes by itself', async () => {
    let run = await created(store, asked({ run_at: at(300) }));
    // On a slow machine its time may have come before Redis heard of it.
    for (let ms = 600; run.queuedReason !== 'run_at'; ms *= 2) run = await created(store, asked({ run_at: at(ms) }));
    const dispatches = await waitFor(async () => { const found = await store.queued.advance(10); return found.length > 0 && found; }, { what: 'its time' });
    expect(dispatches).toEqual([{ runId: run.id, dispatch: 1 }]);
    expect(Date.parse(run.runAt ?? '')).toBeLessThanOrEqual(Date.now());
  });

  test('a time that is over means now', async () => {
    for (const run_at of [at(-1000), '1969-12-31T23:59:59Z', '2020-01-01T00:00:00+05:30']) {
      expect(await created(store, asked({ run_at }))).toMatchObject({ queuedReason: 'capacity', dispatch: 1, runAt: new Date(run_at).toISOString() });
    }
  });

  test('a run takes its session when its time has come, not before', async () => {
    const holder = await started(store);
    const early = await created(store, asked({ session_id: holder.run.sessionId, run_at: at(3_600_000) }));
    await store.finish(holder.lease, SUCCEEDED);
    const between = await created(store, asked({ session_id: holder.run.sessionId }));
    expect(between).toMatchObject({ queuedReason: 'capacity', dispatch: 1 });
    await setTime('due', 'run_at', early.id);
    expect(await store.queued.advance(10)).toEqual([]);
    expect(await store.get(early.id)).toMatchObject({ queuedReason: 'session', dispatch: 0 });
    const { lease } = await claimed(store, { runId: between.id, dispatch: 1 });
    expect(await store.finish(lease, SUCCEEDED)).toEqual({ kind: 'finished', next: { runId: early.id, dispatch: 1 } });
  });

  test('canceled before its time it never starts', async () => {
    const run = await created(store, asked({ run_at: at(3_600_000) }));
    expect(await store.cancel(run.id)).toMatchObject({ kind: 'canceled' });
    expect(await redis.zcard('runyard:due')).toBe(0);
    expect(await store.queued.advance(10)).toEqual([]);
  });
});

describe('expires_in_seconds', () => {
  test('a run that nobody claimed in time ends as expired, once, and the next of its session gets its turn', async () => {
    const run = await created(store, asked({ expires_in_seconds: 3600 }));
    const next = await created(store, asked({ session_id: run.sessionId }));
    expect(await store.queued.advance(10)).toEqual([]);
    expect(Date.parse(run.expiresAt ?? '') - Date.parse(run.createdAt)).toBe(3_600_000);
    await setTime('expiries', 'expires', run.id);
    const looks = await Promise.all(Array.from({ length: 8 }, () => store.queued.advance(10)));
    expect(looks.flat()).toEqual([{ runId: next.id, dispatch: 1 }]);
    expect(await store.get(run.id)).toMatchObject({ status: 'failed', queuePosition: null, outcome: { status: 'failed', failure: { code: 'expired' } } });
    expect((await lines(run.id)).filter((line) => line.includes('run.finished'))).toHaveLength(1);
    expect(await store.undispatched(0, 10)).toEqual([{ runId: next.id, dispatch: 1 }]);
  });

  test('a worker that comes too late does not get it', async () => {
    const run = await created(store, asked({ expires_in_seconds: 3600 }));
    await setTime('expiries', 'expires', run.id);
    expect(await store.claim({ runId: run.id, dispatch: 1, workerId: 'w' })).toEqual({ kind: 'stale' });
    expect(await store.get(run.id)).toMatchObject({ status: 'failed', attempt: 0, outcome: { failure: { code: 'expired' } } });
  });

  test('once claimed it does not expire, also when it comes back into the queue', async () => {
    const run = await created(store, asked({ expires_in_seconds: 3600 }));
    const { lease } = await claimed(store, { runId: run.id, dispatch: 1 });
    await redis.hset(`runyard:run:${run.id}`, 'expires', 1);
    expect(await store.queued.advance(10)).toEqual([]);
    expect(await store.requeue(lease, 'drain')).toEqual({ runId: run.id, dispatch: 2 });
    expect(await store.queued.advance(10)).toEqual([]);
    await claimed(store, { runId: run.id, dispatch: 2 });
  });

  test('with run_at the time counts from there', async () => {
    const run = await created(store, asked({ run_at: at(3_600_000), expires_in_seconds: 60 }));
    expect(Date.parse(run.expiresAt ?? '') - Date.parse(run.runAt ?? '')).toBe(60_000);
  });
});
