// Claims, leases, dispatches: one attempt at a time may write, and it knows when it may not any more.
import { newId } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RunStore } from './index.js';
import { CANCELED } from './outcomes.js';
import { claimed, created, expireLease, FAILED, finished, linesOf, logOf, message, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ server, directory, redis, store } = stand));

describe('claim', () => {
  test('takes the lease, raises the attempt and says so in the log', async () => {
    const { id } = await created(store);
    const answer = await store.claim({ runId: id, dispatch: 1, workerId: 'wrk_"ä' });
    if (answer.kind !== 'claimed') throw new Error(answer.kind);
    expect(answer).toMatchObject({ previousAttempts: 0, run: { id, status: 'running', attempt: 1, workerId: 'wrk_"ä', queuedReason: null, leaseExpired: false } });
    const now = Number(await redis.time().then(([seconds]) => seconds)) * 1000;
    expect(answer.leaseUntilMs).toBeGreaterThan(now + 5_000);
    expect(answer.leaseUntilMs).toBeLessThan(now + 20_000);
    expect(answer.run.leaseUntilMs).toBe(answer.leaseUntilMs);
    expect(linesOf((await logOf(store, id)).events).at(-1)).toBe('1-2 run.started {"attempt":1,"worker_id":"wrk_\\"ä"}');
    expect(await store.undispatched(0, 1000)).not.toContainEqual({ runId: id, dispatch: 1 });
  });

  test('20 claims at once: one gets the run', async () => {
    const { id } = await created(store);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => store.claim({ runId: id, dispatch: 1, workerId: `wrk_${i}` })));
    expect(answers.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    expect(await store.get(id)).toMatchObject({ attempt: 1 });
  });

  test('without effect: unknown run, other dispatch, delivered again, terminal', async () => {
    const stale = { kind: 'stale' };
    const claim = (runId: string, dispatch: number) => store.claim({ runId, dispatch, workerId: 'wrk_other' });
    expect(await claim(newId('run'), 1)).toEqual(stale);
    const fresh = await created(store);
    for (const dispatch of [0, 2, -1, 1.5]) expect(await claim(fresh.id, dispatch)).toEqual(stale);
    const running = await started(store);
    expect(await claim(running.id, 1)).toEqual(stale);
    await expireLease(redis, running.lease);
    expect(await claim(running.id, 1)).toEqual(stale);
    const done = await finished(store);
    expect(await claim(done.id, 1)).toEqual(stale);
    expect(await store.get(running.id)).toMatchObject({ attempt: 1, workerId: 'wrk_test' });
    expect(await store.get(done.id)).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  test('a claim whose reply was lost is answered again, not taken for another', async () => {
    // The connection is cut while the reply is under way: ioredis sends the command again by itself.
    for (let i = 0; i < 20; i++) {
      const { id } = await created(store);
      const claim = store.claim({ runId: id, dispatch: 1, workerId: 'wrk_cut' });
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      expect(await claim).toMatchObject({ kind: 'claimed', run: { attempt: 1 } });
    }
  });
});

describe('renew', () => {
  test('prolongs the lease of its attempt and worker only', async () => {
    const long = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path, leaseMs: 600_000 });
    onTestFinished(() => long.close());
    const { id, lease } = await started(long);
    await redis.hset(`runyard:run:${id}`, 'lease_until', Date.now() + 60_000);
    const before = (await store.get(id))?.leaseUntilMs ?? 0;
    const answer = await long.renew(lease);
    expect(answer).toMatchObject({ kind: 'renewed', cancelRequested: false, inbox: [] });
    expect((await store.get(id))?.leaseUntilMs).toBeGreaterThan(before + 5_000);
    for (const wrong of [{ ...lease, attempt: 2 }, { ...lease, attempt: 0 }, { ...lease, workerId: 'wrk_other' }, { ...lease, runId: newId('run') }]) {
      expect(await store.renew(wrong)).toEqual({ kind: 'lost' });
    }
  });

  test('a lease that was over is lost for ever, though nobody took the run', async () => {
    const short = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path, leaseMs: 30 });
    const { id, lease } = await started(short);
    await waitFor(async () => (await store.get(id))?.leaseExpired, { what: 'the end of the lease' });
    expect(await store.renew(lease)).toEqual({ kind: 'lost' });
    expect(await store.get(id)).toMatchObject({ status: 'running', leaseExpired: true });
    expect(await store.expiredLeases(1000)).toContain(id);
    await short.close();
  });

  test('lost after the end', async () => {
    const { lease } = await finished(store);
    expect(await store.renew(lease)).toEqual({ kind: 'lost' });
  });
});

describe('a lost lease', () => {
  test('the run is queued again with a new dispatch, and the zombie is refused everywhere', async () => {
    const zombie = await started(store);
    const { id } = zombie;
    await store.append(zombie.lease, 1, [message('before')]);
    expect(await store.redispatchLost(id)).toBeUndefined();
    await expireLease(redis, zombie.lease);
    expect(await store.redispatchLost(id)).toEqual({ runId: id, dispatch: 2 });
    expect(await store.redispatchLost(id)).toBeUndefined();
    expect(await store.get(id)).toMatchObject({ status: 'queued', queuedReason: 'capacity', attempt: 1, workerId: null, leaseUntilMs: null });
    expect(await store.expiredLeases(1000)).not.toContain(id);
    expect(await store.undispatched(0, 1000)).toContainEqual({ runId: id, dispatch: 2 });

    const refusedEverywhere = async () => {
      expect(await store.append(zombie.lease, 2, [message('zombie')])).toEqual({ kind: 'lost' });
      expect(await store.append(zombie.lease, 1, [message('before')])).toEqual({ kind: 'lost' });
      expect(await store.finish(zombie.lease, SUCCEEDED)).toEqual({ kind: 'lost' });
      expect(await store.renew(zombie.lease)).toEqual({ kind: 'lost' });
      expect(await store.requeue(zombie.lease, 'drain')).toBeUndefined();
      await store.noteModel(zombie.lease, 'zombie-model');
    };
    await refusedEverywhere();
    expect(await store.claim({ runId: id, dispatch: 1, workerId: 'wrk_test' })).toEqual({ kind: 'stale' });
    const next = await claimed(store, { runId: id, dispatch: 2 }, 'wrk_next');
    expect(next.run).toMatchObject({ attempt: 2 });
    await refusedEverywhere();
    expect(await store.append(next.lease, 1, [message('after')])).toEqual({ kind: 'appended', firstSeq: 6, lastSeq: 6 });
    expect(await store.finish(next.lease, SUCCEEDED)).toMatchObject({ kind: 'finished' });
    await refusedEverywhere();
    expect((await store.get(id))?.model).toBeNull();
    expect(linesOf((await logOf(store, id)).events).map((line) => line.split(' ', 2).join(' '))).toEqual([
      '0-1 run.queued', '1-2 run.started', '1-3 claude.assistant', '1-4 run.queued', '2-5 run.started', '2-6 claude.assistant', '2-7 run.finished',
    ]);
  });

  test('the next claim knows that it had started before', async () => {
    const first = await started(store);
    await expireLease(redis, first.lease);
    await store.redispatchLost(first.id);
    expect(await store.claim({ runId: first.id, dispatch: 2, workerId: 'w' })).toMatchObject({ kind: 'claimed', previousAttempts: 1 });
    const { startedAt } = (await store.get(first.id)) ?? {};
    expect(startedAt).toBe(first.run.startedAt);
  });

  test('as long as nobody took the run, its attempt may still write and finish', async () => {
    const { lease } = await started(store);
    await expireLease(redis, lease);
    expect(await store.append(lease, 1, [message('late')])).toMatchObject({ kind: 'appended' });
    expect(await store.finish(lease, SUCCEEDED)).toMatchObject({ kind: 'finished' });
    expect(await store.redispatchLost(lease.runId)).toBeUndefined();
  });

  test('with a cancel on it the run ends instead of running again, and its session goes on', async () => {
    const { id, lease, run } = await started(store);
    const next = await created(store, { prompt: 'x', session_id: run.sessionId });
    await store.cancel(id);
    await expireLease(redis, lease);
    expect(await store.redispatchLost(id)).toEqual({ runId: next.id, dispatch: 1 });
    expect(await store.get(id)).toMatchObject({ status: 'canceled', outcome: CANCELED });
  });

  test('20 reconcilers at once make one dispatch', async () => {
    const { id, lease } = await started(store);
    await expireLease(redis, lease);
    const answers = await Promise.all(Array.from({ length: 20 }, () => store.redispatchLost(id)));
    expect(answers.filter((answer) => answer !== undefined)).toEqual([{ runId: id, dispatch: 2 }]);
  });
});

describe('requeue', () => {
  test('the current attempt gives the run back, with its reason', async () => {
    const { id, lease } = await started(store);
    expect(await store.requeue({ ...lease, attempt: 2 }, 'drain')).toBeUndefined();
    expect(await store.requeue(lease, 'said "no"')).toEqual({ runId: id, dispatch: 2 });
    expect(linesOf((await logOf(store, id)).events).at(-1)).toBe('1-3 run.queued {"dispatch":2,"reason":"said \\"no\\""}');
    expect(await claimed(store, { runId: id, dispatch: 2 })).toMatchObject({ run: { attempt: 2 } });
  });

  test('a canceled run ends', async () => {
    const { id, lease } = await started(store);
    await store.cancel(id);
    expect(await store.requeue(lease, 'drain')).toBeUndefined();
    expect(await store.get(id)).toMatchObject({ status: 'canceled' });
  });
});

describe('finish', () => {
  test('ends the run in one step and answers a repetition', async () => {
    const { id, lease } = await started(store);
    expect(await store.finish(lease, FAILED, { number: 1, events: [message('last')] })).toEqual({ kind: 'finished', next: null });
    const after = await store.get(id);
    expect(after).toMatchObject({ status: 'failed', outcome: FAILED, leaseUntilMs: null, leaseExpired: false, workerId: 'wrk_test' });
    expect(after?.endedAt).not.toBeNull();
    expect(await store.finish(lease, SUCCEEDED, { number: 1, events: [message('last')] })).toEqual({ kind: 'already', status: 'failed' });
    const { events, end } = await logOf(store, id);
    expect(linesOf(events).slice(2)).toEqual([`1-3 claude.assistant ${String(message('last').data)}`, `1-4 run.finished ${JSON.stringify(FAILED)}`]);
    expect(end).toBe(true);
    expect(await store.expiredLeases(1000)).not.toContain(id);
    expect(await store.pendingCompactions(0, 1000)).toContain(id);
    expect(await store.pendingCompactions(60_000, 1000)).not.toContain(id);
  });

  test('a flush that an append already added is not added again', async () => {
    const { id, lease } = await started(store);
    const flush = { number: 1, events: [message('once')] };
    await store.append(lease, flush.number, flush.events);
    await store.finish(lease, SUCCEEDED, flush);
    expect((await logOf(store, id)).events.map(({ type }) => type)).toEqual(['run.queued', 'run.started', 'claude.assistant', 'run.finished']);
  });

  test('a cancel of the queued run answers its worker with already, or lost', async () => {
    const { id, lease } = await started(store);
    await store.requeue(lease, 'drain');
    await store.cancel(id);
    expect(await store.finish(lease, SUCCEEDED)).toEqual({ kind: 'already', status: 'canceled' });
    expect(await store.get(id)).toMatchObject({ status: 'canceled', outcome: CANCELED });
  });
});
