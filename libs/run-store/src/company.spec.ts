// Which losses are those of a run itself: it was alone on its worker, and the worker is really gone.
import { newId } from '@runyard/domain';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { ClaimAnswer, Dispatch, Lease, RunStore, WorkerInfo } from './index.js';
import { claimed, created, expireLease, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ redis, store } = stand));

const fresh = async (): Promise<Dispatch> => ({ runId: (await created(store)).id, dispatch: 1 });
const losses = async (runId: string) => (await redis.hmget(`runyard:run:${runId}`, 'losses', 'shared')).map(Number);
const claim = (dispatch: Dispatch, workerId: string): Promise<ClaimAnswer> => store.claim({ ...dispatch, workerId });

async function spawned(dispatch: Dispatch, workerId: string): Promise<Lease> {
  const { lease } = await claimed(store, dispatch, workerId);
  expect(await store.noteSpawn(lease)).toBe('noted');
  return lease;
}

/** The worker of all of these is gone; answers their next dispatches. */
async function gone(...leases: readonly Lease[]): Promise<Dispatch[]> {
  for (const lease of leases) await expireLease(redis, lease);
  const next: Dispatch[] = [];
  for (const { runId } of leases) next.push(await noticed(runId));
  return next;
}

/** As if the time had passed in which the worker could have said that it lives. */
async function noticed(runId: string): Promise<Dispatch> {
  const dispatch = await store.redispatchLost(runId);
  if (dispatch !== undefined) return dispatch;
  const [attempt] = ((await redis.hget(`runyard:run:${runId}`, 'noticed')) ?? '').split(' ');
  await redis.hset(`runyard:run:${runId}`, 'noticed', `${attempt} 1`);
  const later = await store.redispatchLost(runId);
  if (later === undefined) throw new Error('nothing was redispatched');
  return later;
}

describe('neighbours', () => {
  test('of a loss with others nobody knows whose it was; whoever has had two is claimed alone, and then it is its own', async () => {
    let dispatches = [await fresh(), await fresh(), await fresh()];
    for (let round = 1; round <= 2; round++) {
      const workerId = newId('worker');
      const leases: Lease[] = [];
      for (const dispatch of dispatches) leases.push(await spawned(dispatch, workerId));
      dispatches = await gone(...leases);
      for (const { runId } of dispatches) expect(await losses(runId)).toEqual([0, round]);
    }
    let [poison = dispatches[0]!, ...innocent] = dispatches;
    for (let own = 1; own <= 3; own++) {
      const workerId = newId('worker');
      const lease = await spawned(poison, workerId);
      for (const neighbour of innocent) expect(await claim(neighbour, workerId)).toEqual({ kind: 'not_alone', next: null });
      expect(await claim(await fresh(), workerId)).toEqual({ kind: 'not_alone', next: null });
      [poison] = (await gone(lease)) as [Dispatch];
      expect(await losses(poison.runId)).toEqual([own, 2]);
    }
    for (const neighbour of innocent) {
      await store.finish(await spawned(neighbour, newId('worker')), SUCCEEDED);
      expect(await losses(neighbour.runId)).toEqual([0, 2]);
    }
  });

  test('a run that has left its worker in time is no neighbour', async () => {
    const workerId = newId('worker');
    const first = await spawned(await fresh(), workerId);
    const second = await spawned(await fresh(), workerId);
    await spawned(await fresh(), newId('worker'));
    await store.finish(first, SUCCEEDED);
    await gone(second);
    expect(await losses(second.runId)).toEqual([1, 0]);
  });

  test('a worker that has others is kept for a suspect until it has none; nobody else is kept waiting for long', async () => {
    const [workerId, suspect, other] = [newId('worker'), await fresh(), await fresh()];
    await redis.hset(`runyard:run:${suspect.runId}`, 'shared', 2);
    const busy = await spawned(other, workerId);
    expect(await claim(suspect, workerId)).toEqual({ kind: 'not_alone', next: null });
    await redis.persist(`runyard:worker:${workerId}:alone`); // the mark would go by itself after 5 s
    expect(await store.get(suspect.runId)).toMatchObject({ status: 'queued', attempt: 0 });
    const third = await fresh();
    expect(await claim(third, workerId)).toEqual({ kind: 'not_alone', next: null });
    await store.finish(busy, SUCCEEDED);
    expect(await claim(third, workerId)).toEqual({ kind: 'not_alone', next: null });
    // Somebody else has taken it meanwhile.
    await claimed(store, suspect, newId('worker'));
    await claimed(store, third, workerId);
  });

  test('another worker with room has them both: the suspect one that has no run, the others any', async () => {
    const [workerId, otherId, suspect] = [newId('worker'), newId('worker'), await fresh()];
    const heartbeat = (busy: number, more: Partial<WorkerInfo> = {}) =>
      store.heartbeat({ id: otherId, host: 'h', pid: 1, version: '1', claudeVersion: '1', capacity: 2, busy, state: 'ready', runIds: [], startedAt: '', labels: {}, ...more });
    await redis.hset(`runyard:run:${suspect.runId}`, 'shared', 2);
    await spawned(await fresh(), workerId);
    await heartbeat(1);
    expect(await claim(suspect, workerId)).toEqual({ kind: 'not_alone', next: null });
    expect(await claim(await fresh(), workerId)).toMatchObject({ kind: 'not_alone', next: { dispatch: 2 } });
    for (const more of [{ resting: true }, { state: 'draining' }] as const) {
      await heartbeat(0, more);
      expect(await claim(suspect, workerId)).toEqual({ kind: 'not_alone', next: null });
    }
    await heartbeat(0);
    expect(await claim(suspect, workerId)).toMatchObject({ kind: 'not_alone', next: { runId: suspect.runId, dispatch: 2 } });
    await store.leave(otherId);
  });

  test('with progress it is no suspect any more, and its worker takes others again', async () => {
    const [workerId, suspect, other] = [newId('worker'), await fresh(), await fresh()];
    await redis.hset(`runyard:run:${suspect.runId}`, 'shared', 2);
    const lease = await spawned(suspect, workerId);
    expect(await claim(other, workerId)).toMatchObject({ kind: 'not_alone', next: null });
    await store.noteProgress(lease);
    expect(await losses(suspect.runId)).toEqual([0, 0]);
    await claimed(store, other, workerId);
  });
});

describe('a worker that lives', () => {
  test('its runs lose nothing, however often', async () => {
    let dispatch = await fresh();
    for (let outage = 1; outage <= 5; outage++) {
      const lease = await spawned(dispatch, newId('worker'));
      await expireLease(redis, lease);
      dispatch = (await store.requeue(lease, 'lease_lost'))!;
    }
    expect(await store.get(dispatch.runId)).toMatchObject({ losses: 0, left: 'lease_lost' });
  });

  test('its word takes back what somebody else was faster to count, once', async () => {
    const [first] = (await gone(await spawned(await fresh(), newId('worker')))) as [Dispatch];
    const lease = await spawned(first, newId('worker'));
    const [third] = (await gone(lease)) as [Dispatch];
    expect(await losses(third.runId)).toEqual([2, 0]);
    const now = await claimed(store, third);
    for (const wrong of [{ ...lease, workerId: 'wrk_other' }, { ...lease, attempt: 9 }]) await store.requeue(wrong, 'lease_lost');
    expect(await losses(third.runId)).toEqual([2, 0]);
    for (let again = 0; again < 2; again++) expect(await store.requeue(lease, 'lease_lost')).toBeUndefined();
    expect(await losses(third.runId)).toEqual([1, 0]);
    expect(await store.get(third.runId)).toMatchObject({ status: 'running', attempt: now.lease.attempt });
  });

  test('the third loss is not counted before its worker had time to say so', async () => {
    let dispatch = await fresh();
    for (let own = 1; own <= 2; own++) [dispatch] = (await gone(await spawned(dispatch, newId('worker')))) as [Dispatch];
    const lease = await spawned(dispatch, newId('worker'));
    await expireLease(redis, lease);
    expect(await store.redispatchLost(lease.runId)).toBeUndefined();
    const [attempt, at] = ((await redis.hget(`runyard:run:${lease.runId}`, 'noticed')) ?? '').split(' ').map(Number);
    expect(attempt).toBe(lease.attempt);
    await redis.hset(`runyard:run:${lease.runId}`, 'noticed', `${attempt} ${at! + 600_000}`); // its time is not over while we look
    for (let look = 0; look < 2; look++) expect(await store.redispatchLost(lease.runId)).toBeUndefined();
    expect(await store.get(lease.runId)).toMatchObject({ status: 'running', losses: 2 });
    expect(await store.requeue(lease, 'lease_lost')).toMatchObject({ runId: lease.runId });
    expect(await store.get(lease.runId)).toMatchObject({ status: 'queued', losses: 2 });
  });
});
