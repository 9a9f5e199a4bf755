// Runs that wait without a process: how they get there, who wakes or ends them, and that the wrong ones cannot.
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { ParkInput, RunStore } from './index.js';
import { ABANDONED, CANCELED } from './outcomes.js';
import { claimed, created, linesOf, logOf, message, started, SUCCEEDED } from './store.fixture.js';
import type { StartedRun } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ redis, store } = stand));

const RECOVERY: ParkInput = { waitingFor: 'recovery', left: 'recovery', detail: 'Bash was under way' };

/** A run that waits. */
async function parked(input: ParkInput = RECOVERY): Promise<StartedRun> {
  const run = await started(store);
  expect(await store.park(run.lease, input)).toEqual({ kind: 'parked' });
  return run;
}

describe('park', () => {
  test('the last events, then run.waiting; no lease, no worker, no ticket', async () => {
    const { id, lease } = await started(store);
    await store.append(lease, 1, [message('a')]);
    const flush = { number: 2, events: [message('b')] };
    expect(await store.park(lease, { ...RECOVERY, data: { in_flight: ['Bash'] } }, flush)).toEqual({ kind: 'parked' });
    expect(await store.get(id)).toMatchObject({
      status: 'waiting', waitingFor: 'recovery', held: false, waitingDetail: 'Bash was under way', left: 'recovery', resumesAt: null,
      leaseUntilMs: null, workerId: null, queuePosition: null, queuedReason: null, attempt: 1, dispatch: 1,
    });
    expect(linesOf((await logOf(store, id)).events).slice(3)).toEqual([
      `1-4 claude.assistant ${String(message('b').data)}`,
      '1-5 run.waiting {"waiting_for":"recovery","held":false,"resumes_at":null,"reason":"Bash was under way","in_flight":["Bash"]}',
    ]);
    expect(await redis.zscore('runyard:leases', id)).toBeNull();
    expect(await store.undispatched(0, 1000)).not.toContainEqual(expect.objectContaining({ runId: id }));
  });

  test('again after a lost reply: the first answer, and nothing is added', async () => {
    const { id, lease } = await started(store);
    const flush = { number: 1, events: [message('once')] };
    expect(await store.park(lease, RECOVERY, flush)).toEqual({ kind: 'parked' });
    const before = await store.get(id);
    expect(await store.park(lease, RECOVERY, flush)).toEqual({ kind: 'parked' });
    expect(await store.get(id)).toEqual(before);
    await store.recover(id, 'resume');
    expect(await store.park(lease, RECOVERY, flush)).toEqual({ kind: 'parked' });
    await claimed(store, { runId: id, dispatch: 2 });
    expect(await store.park(lease, RECOVERY, flush)).toEqual({ kind: 'lost' });
    expect(await store.get(id)).toMatchObject({ status: 'running', attempt: 2 });
  });

  test('the attempt is over: it writes, renews and finishes nothing more', async () => {
    const { id, lease } = await parked();
    const before = await store.get(id);
    expect(await store.append(lease, 1, [message('late')])).toEqual({ kind: 'lost' });
    expect(await store.renew(lease)).toEqual({ kind: 'lost' });
    expect(await store.finish(lease, SUCCEEDED)).toEqual({ kind: 'lost' });
    expect(await store.noteSpawn(lease)).toBe('lost');
    expect([await store.requeue(lease, 'x'), await store.handOver(lease), await store.redispatchLost(id)]).toEqual([undefined, undefined, undefined]);
    expect(await store.claim({ runId: id, dispatch: 1, workerId: 'wrk_test' })).toEqual({ kind: 'stale' });
    expect(await store.get(id)).toEqual(before);
  });

  test('a cancel that was asked for wins, with the last events in the log', async () => {
    const { id, lease, run } = await started(store);
    const behind = await created(store, { prompt: 'x', session_id: run.sessionId });
    await store.cancel(id);
    const next = { runId: behind.id, dispatch: 1 };
    expect(await store.park(lease, RECOVERY, { number: 1, events: [message('last')] })).toEqual({ kind: 'canceled', next });
    expect(await store.get(id)).toMatchObject({ status: 'canceled', outcome: CANCELED, waitingFor: null });
    expect((await logOf(store, id)).events.map(({ type }) => type)).toEqual(['run.queued', 'run.started', 'input.received', 'claude.assistant', 'run.finished']);
    expect(await store.park(lease, RECOVERY)).toEqual({ kind: 'already', status: 'canceled' });
  });

  test('only by the attempt that has the run', async () => {
    const { id, lease } = await started(store);
    for (const attempt of [0, 2]) expect(await store.park({ ...lease, attempt }, RECOVERY)).toEqual({ kind: 'lost' });
    expect(await store.get(id)).toMatchObject({ status: 'running', waitingFor: null });
  });

  test('keeps the turn of its session', async () => {
    const { id, run } = await parked();
    const behind = await created(store, { prompt: 'x', session_id: run.sessionId });
    expect(behind).toMatchObject({ dispatch: 0, queuedReason: 'session' });
    expect((await store.cancel(id)).kind).toBe('canceled');
    expect(await store.get(behind.id)).toMatchObject({ dispatch: 1, queuedReason: 'capacity' });
  });

  test('replies that are lost under way change nothing', async () => {
    for (let i = 0; i < 10; i++) {
      const { id, lease } = await started(store);
      const park = store.park(lease, RECOVERY, { number: 1, events: [message('once')] });
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      expect(await park).toEqual({ kind: 'parked' });
      expect((await store.get(id))?.seq).toBe(4);
    }
  });
});

describe('the time of a waiting run', () => {
  test('comes: it is queued again by itself, once', async () => {
    const { id } = await parked({ waitingFor: 'quota', left: 'quota', detail: 'limit', resumesAtMs: 1000.5 });
    expect(await store.get(id)).toMatchObject({ resumesAt: '1970-01-01T00:00:01.001Z' });
    expect(await store.queued.advance(100)).toEqual([{ runId: id, dispatch: 2 }]);
    expect(await store.queued.advance(100)).toEqual([]);
    expect(await store.get(id)).toMatchObject({ status: 'queued', queuedReason: 'capacity', waitingFor: null, waitingDetail: null, resumesAt: null, left: 'quota' });
    expect(linesOf((await logOf(store, id)).events).at(-1)).toBe('1-4 run.queued {"dispatch":2,"reason":"quota"}');
    expect(await claimed(store, { runId: id, dispatch: 2 })).toMatchObject({ run: { attempt: 2, left: 'quota' } });
  });

  test('has not come: it waits', async () => {
    const { id } = await parked({ waitingFor: 'auth', left: 'auth', detail: 'key', resumesAtMs: Date.now() + 3_600_000 });
    expect(await store.queued.advance(100)).toEqual([]);
    expect(await store.get(id)).toMatchObject({ status: 'waiting', waitingFor: 'auth' });
    await store.cancel(id);
    expect(await redis.zscore('runyard:waits', id)).toBeNull();
  });

  test('without one it waits for ever', async () => {
    const { id } = await parked();
    expect(await store.queued.advance(100)).toEqual([]);
    expect(await store.get(id)).toMatchObject({ status: 'waiting' });
  });
});

test.each(['recovery', 'quota', 'auth', 'permission'] as const)('cancel ends a run that waits for %s at once', async (waitingFor) => {
  const { id } = await parked({ waitingFor, left: 'recovery', detail: 'x', resumesAtMs: Date.now() });
  expect(await store.cancel(id)).toMatchObject({ kind: 'canceled', run: { status: 'canceled', waitingFor: null, waitingDetail: null } });
  expect((await store.cancel(id)).kind).toBe('already_terminal');
  expect(await store.queued.advance(100)).toEqual([]);
  expect((await logOf(store, id)).events.filter(({ type }) => type === 'run.finished')).toHaveLength(1);
});

describe('recover', () => {
  test.each(['resume', 'restart'] as const)('%s: queued again; the next attempt knows it until its process starts', async (action) => {
    const { id, lease } = await started(store);
    await store.noteSpawn(lease);
    await store.requeue(lease, 'lease_lost');
    const second = await claimed(store, { runId: id, dispatch: 2 });
    await store.park(second.lease, RECOVERY);
    const answer = await store.recover(id, action);
    expect(answer).toMatchObject({ kind: 'recovered', next: { runId: id, dispatch: 3 }, run: { status: 'queued', decision: action, losses: 0, left: 'recovery' } });
    expect(linesOf((await logOf(store, id)).events).at(-1)).toBe(`2-6 run.queued {"dispatch":3,"reason":"${action}"}`);
    expect(await store.recover(id, action)).toEqual(answer);
    const third = await claimed(store, { runId: id, dispatch: 3 });
    expect(third.run).toMatchObject({ decision: action, spawned: 1 });
    expect(await store.noteSpawn(third.lease)).toBe('noted');
    expect(await store.get(id)).toMatchObject({ decision: null, spawned: 3 });
  });

  test('abandon: failed as worker_lost, and its session goes on', async () => {
    const { id, run } = await parked();
    const behind = await created(store, { prompt: 'x', session_id: run.sessionId });
    expect(await store.recover(id, 'abandon')).toMatchObject({ kind: 'recovered', next: { runId: behind.id, dispatch: 1 }, run: { status: 'failed', outcome: ABANDONED } });
    expect(await store.recover(id, 'abandon')).toMatchObject({ kind: 'recovered', next: null });
    expect(await store.recover(id, 'resume')).toEqual({ kind: 'not_waiting', status: 'failed', waitingFor: null });
    expect(ABANDONED.failure?.code).toBe('worker_lost');
    expect((await logOf(store, id)).events.filter(({ type }) => type === 'run.finished')).toHaveLength(1);
  });

  test('nothing else is recovered', async () => {
    const [queued, running, quota] = [await created(store), await started(store), await parked({ waitingFor: 'quota', left: 'quota', detail: 'x' })];
    expect(await store.recover(queued.id, 'resume')).toEqual({ kind: 'not_waiting', status: 'queued', waitingFor: null });
    expect(await store.recover(running.id, 'abandon')).toEqual({ kind: 'not_waiting', status: 'running', waitingFor: null });
    expect(await store.recover(quota.id, 'restart')).toEqual({ kind: 'not_waiting', status: 'waiting', waitingFor: 'quota' });
    expect(await store.recover('run_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'resume')).toEqual({ kind: 'not_found' });
    expect(await store.recover('x', 'resume')).toEqual({ kind: 'not_found' });
  });

  test('20 decisions at once: one counts', async () => {
    const { id } = await parked();
    const actions = ['resume', 'restart', 'abandon'] as const;
    await Promise.all(Array.from({ length: 20 }, (_, i) => store.recover(id, actions[i % 3] ?? 'resume')));
    expect((await logOf(store, id)).events).toHaveLength(4);
  });
});
