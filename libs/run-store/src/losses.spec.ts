// What a lost worker leaves in the record: whether a process may exist, how often workers were lost in a row, and why.
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RunStore } from './index.js';
import type { Lease } from './index.js';
import { CANCELED } from './outcomes.js';
import { claimed, created, expireLease, linesOf, logOf, message, started } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ redis, store } = stand));
// One worker has them all: those of the test before would be company.
beforeEach(() => redis.flushdb());

/** The lease runs out, somebody notices, and the worker says nothing; answers the next attempt. */
async function lost(lease: Lease) {
  await expireLease(redis, lease);
  await redis.hset(`runyard:run:${lease.runId}`, 'noticed', `${lease.attempt} 1`);
  const dispatch = await store.redispatchLost(lease.runId);
  if (dispatch === undefined) throw new Error('nothing was redispatched');
  return claimed(store, dispatch);
}

describe('losses', () => {
  test('a new run has none', async () => {
    expect(await created(store)).toMatchObject({ spawned: 0, left: null, losses: 0, decision: null, resumesAt: null, waitingDetail: null, v: 1 });
  });

  test('count in a row when a process may have been there', async () => {
    let { lease } = await started(store);
    for (let losses = 1; losses <= 3; losses++) {
      expect(await store.noteSpawn(lease)).toBe('noted');
      expect(await store.noteSpawn(lease)).toBe('noted');
      const next = await lost(lease);
      expect(next.run).toMatchObject({ losses, left: 'lease_expired', spawned: losses });
      lease = next.lease;
    }
    await store.noteSpawn(lease);
    expect(await store.requeue(lease, 'lease_lost')).toBeDefined();
    expect(await store.get(lease.runId)).toMatchObject({ losses: 3, left: 'lease_lost' });
  });

  test('an attempt that lets its run wait in order forgets them; a claim that only lets it wait, or gives it back, does not', async () => {
    const first = await started(store);
    await store.noteSpawn(first.lease);
    const second = await lost(first.lease);
    const back = await store.requeue(second.lease, 'given_back');
    expect(await store.get(first.id)).toMatchObject({ losses: 1, left: 'lease_expired' });
    const third = await claimed(store, back!);
    await store.park(third.lease, { waitingFor: 'recovery', left: 'recovery', detail: 'x' });
    expect(await store.get(first.id)).toMatchObject({ losses: 1, left: 'recovery' });
    const run = await started(store);
    await store.noteSpawn(run.lease);
    const next = await lost(run.lease);
    await store.noteSpawn(next.lease);
    await store.park(next.lease, { waitingFor: 'quota', left: 'quota', detail: 'x' });
    expect(await store.get(run.id)).toMatchObject({ losses: 0, left: 'quota' });
  });

  test('progress forgets them, of the current attempt only', async () => {
    const first = await started(store);
    await store.noteSpawn(first.lease);
    const second = await lost(first.lease);
    await store.noteProgress(first.lease);
    expect(await store.get(first.id)).toMatchObject({ losses: 1 });
    await store.noteProgress(second.lease);
    expect(await store.get(first.id)).toMatchObject({ losses: 0 });
  });

  test('without a process they do not count, until it goes on and on', async () => {
    let { lease } = await started(store);
    for (let claim = 1; claim <= 19; claim++) ({ lease } = await lost(lease));
    expect(await store.get(lease.runId)).toMatchObject({ losses: 0, spawned: 0, left: 'lease_expired' });
    ({ lease } = await lost(lease));
    expect(await store.get(lease.runId)).toMatchObject({ losses: 1 });
    ({ lease } = await lost(lease));
    expect(await store.get(lease.runId)).toMatchObject({ losses: 2 });
    await store.noteSpawn(lease);
    await store.noteProgress(lease);
    ({ lease } = await lost(lease));
    ({ lease } = await lost(lease));
    expect(await store.get(lease.runId)).toMatchObject({ losses: 1 });
  });

  test('a claim that comes to no process keeps why the run left: what was handed over, or waits, is not lost', async () => {
    const run = await started(store);
    await store.noteSpawn(run.lease);
    let next = await claimed(store, (await store.handOver(run.lease))!);
    next = await lost(next.lease);
    expect(next.run).toMatchObject({ left: 'handed_over', losses: 0 });
    next = await claimed(store, (await store.requeue(next.lease, 'lease_lost'))!);
    expect(next.run).toMatchObject({ left: 'handed_over', losses: 0 });
    await store.noteSpawn(next.lease);
    await store.park(next.lease, { waitingFor: 'quota', left: 'quota', detail: 'x', resumesAtMs: 1 });
    const [back] = await store.queued.advance(10, () => undefined);
    next = await lost((await claimed(store, back!)).lease);
    expect(next.run).toMatchObject({ left: 'quota', losses: 0 });
    await store.noteSpawn(next.lease);
    expect((await lost(next.lease)).run).toMatchObject({ left: 'lease_expired', losses: 1 });
  });

  test('another reason is no loss and leaves no word', async () => {
    const { id, lease } = await started(store);
    await store.noteSpawn(lease);
    await store.requeue(lease, 'drain');
    expect(await store.get(id)).toMatchObject({ losses: 0, left: null, spawned: 1 });
  });
});

describe('noteSpawn', () => {
  test('lost: other attempt, other worker, no lease any more, unknown run', async () => {
    const { id, lease } = await started(store);
    for (const wrong of [{ ...lease, attempt: 2 }, { ...lease, workerId: 'wrk_other' }, { ...lease, runId: 'run_01ARZ3NDEKTSV4RRFFQ69G5FAV' }]) {
      expect(await store.noteSpawn(wrong)).toBe('lost');
    }
    await expireLease(redis, lease);
    expect(await store.noteSpawn(lease)).toBe('lost');
    expect(await store.get(id)).toMatchObject({ spawned: 0 });
  });
});

describe('handOver', () => {
  test('the last events, run.handed_over, a new dispatch; no loss', async () => {
    const first = await started(store);
    await store.noteSpawn(first.lease);
    const { id, lease } = await lost(first.lease);
    await store.noteSpawn(lease);
    const flush = { number: 1, events: [message('saved')] };
    expect(await store.handOver(lease, flush)).toEqual({ runId: id, dispatch: 3 });
    expect(linesOf((await logOf(store, id)).events).slice(-3)).toEqual([
      `2-5 claude.assistant ${String(message('saved').data)}`,
      '2-6 run.handed_over {"worker_id":"wrk_test"}',
      '2-7 run.queued {"dispatch":3,"reason":"handed_over"}',
    ]);
    const record = await store.get(id);
    expect(record).toMatchObject({ status: 'queued', left: 'handed_over', losses: 0, spawned: 2, workerId: null, leaseUntilMs: null });
    expect(await store.handOver(lease, flush)).toEqual({ runId: id, dispatch: 3 });
    expect(await store.get(id)).toEqual(record);
    expect(await store.append(lease, 2, [message('late')])).toEqual({ kind: 'lost' });
    await claimed(store, { runId: id, dispatch: 3 });
    expect(await store.handOver(lease, flush)).toBeUndefined();
    expect(await store.get(id)).toMatchObject({ status: 'running', attempt: 3 });
  });

  test('before a process was started it changes nothing about what was lost before', async () => {
    const first = await started(store);
    await store.noteSpawn(first.lease);
    const second = await lost(first.lease);
    expect(await store.handOver(second.lease)).toEqual({ runId: second.id, dispatch: 3 });
    expect(await store.get(second.id)).toMatchObject({ status: 'queued', left: 'lease_expired', losses: 1, spawned: 1 });
    const { id, lease } = await started(store);
    await store.handOver(lease);
    expect(await store.get(id)).toMatchObject({ status: 'queued', left: null, losses: 0, spawned: 0 });
  });

  test('a cancel that was asked for wins', async () => {
    const { id, lease } = await started(store);
    await store.cancel(id);
    expect(await store.handOver(lease, { number: 1, events: [message('last')] })).toBeUndefined();
    expect(await store.get(id)).toMatchObject({ status: 'canceled', outcome: CANCELED });
    expect((await logOf(store, id)).events.map(({ type }) => type)).toEqual(['run.queued', 'run.started', 'input.received', 'claude.assistant', 'run.finished']);
    expect(await store.handOver(lease)).toBeUndefined();
  });

  test('only by the attempt that has the run', async () => {
    const { id, lease } = await started(store);
    expect(await store.handOver({ ...lease, attempt: 2 })).toBeUndefined();
    expect(await store.get(id)).toMatchObject({ status: 'running' });
  });
});

describe('raiseAttempt', () => {
  test('the next claim has a number above all attempts there have been', async () => {
    const { id, lease } = await started(store);
    expect(await store.raiseAttempt(lease, 7)).toEqual({ runId: id, dispatch: 2 });
    expect(await store.raiseAttempt(lease, 7)).toEqual({ runId: id, dispatch: 2 });
    expect(await store.get(id)).toMatchObject({ status: 'queued', attempt: 7, spawned: 7, losses: 0 });
    expect(linesOf((await logOf(store, id)).events).at(-1)).toBe('7-3 run.queued {"dispatch":2,"reason":"attempt_raised"}');
    expect(await claimed(store, { runId: id, dispatch: 2 })).toMatchObject({ run: { attempt: 8, spawned: 7, left: null } });
    expect(await store.append(lease, 1, [message('zombie')])).toEqual({ kind: 'lost' });
    expect(await store.append({ ...lease, attempt: 7 }, 1, [message('forgotten')])).toEqual({ kind: 'lost' });
    expect(await store.raiseAttempt(lease, 7)).toBeUndefined();
  });

  test('never lowers it, keeps why the run left, and knows cancels', async () => {
    const first = await started(store);
    await store.noteSpawn(first.lease);
    const second = await lost(first.lease);
    expect(await store.raiseAttempt(second.lease, 1)).toEqual({ runId: first.id, dispatch: 3 });
    expect(await store.get(first.id)).toMatchObject({ attempt: 2, spawned: 1, left: 'lease_expired', losses: 1 });
    const { lease } = await claimed(store, { runId: first.id, dispatch: 3 });
    await store.cancel(first.id);
    expect(await store.raiseAttempt(lease, 9)).toBeUndefined();
    expect(await store.get(first.id)).toMatchObject({ status: 'canceled' });
    await expect(async () => store.raiseAttempt(lease, 1.5)).rejects.toThrow(RangeError);
  });

  test('a decision that nobody acted on yet is kept', async () => {
    const { id, lease } = await started(store);
    await store.park(lease, { waitingFor: 'recovery', left: 'recovery', detail: 'x' });
    await store.recover(id, 'restart');
    const second = await claimed(store, { runId: id, dispatch: 2 });
    await store.raiseAttempt(second.lease, 5);
    expect(await claimed(store, { runId: id, dispatch: 3 })).toMatchObject({ run: { attempt: 6, decision: 'restart' } });
  });
});
