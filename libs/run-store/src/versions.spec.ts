// A record or ticket that is newer than the worker: nothing is changed, it is handed on, and not for ever.
import { newId, RECORD_VERSION } from '@runyard/domain';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunStore } from './index.js';
import { NOT_UNDERSTOOD } from './outcomes.js';
import { claimed, created, linesOf, logOf, started } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ redis, store } = stand));

test('a newer record is not claimed, and not changed', async () => {
  const { id } = await created(store);
  await redis.hset(`runyard:run:${id}`, 'v', RECORD_VERSION + 1);
  const before = await store.get(id);
  expect(before).toMatchObject({ v: RECORD_VERSION + 1 });
  expect(await store.claim({ runId: id, dispatch: 1, workerId: 'wrk_old' })).toEqual({ kind: 'newer' });
  expect(await store.claim({ runId: id, dispatch: 2, workerId: 'wrk_old' })).toEqual({ kind: 'stale' });
  expect(await store.get(id)).toEqual(before);
});

test('a record from before there were versions is claimed', async () => {
  const { id } = await created(store);
  await redis.hdel(`runyard:run:${id}`, 'v');
  expect(await claimed(store, { runId: id, dispatch: 1 })).toMatchObject({ run: { v: 1 } });
});

test('passing on makes a new dispatch; again after a lost reply the same one', async () => {
  const { id } = await created(store);
  const next = { runId: id, dispatch: 2 };
  expect(await store.passOn(id, 1)).toEqual({ kind: 'passed_on', next, passes: 1 });
  expect(await store.passOn(id, 1)).toEqual({ kind: 'passed_on', next, passes: 1 });
  expect(await store.claim({ runId: id, dispatch: 1, workerId: 'wrk_old' })).toEqual({ kind: 'stale' });
  expect((await store.undispatched(0, 1000)).filter(({ runId }) => runId === id)).toEqual([next]);
  expect(linesOf((await logOf(store, id)).events).at(-1)).toBe('0-2 run.queued {"dispatch":2,"reason":"newer_version"}');
});

test('nothing to pass on: not queued, not the latest dispatch, waiting for its session, unknown', async () => {
  const running = await started(store);
  const behind = await created(store, { prompt: 'x', session_id: running.run.sessionId });
  for (const [id, dispatch] of [[running.id, 1], [behind.id, 0], [(await created(store)).id, 2], [newId('run'), 1], ['x', 1]] as const) {
    expect(await store.passOn(id, dispatch)).toEqual({ kind: 'stale' });
  }
});

test('20 times in a row, then the run fails and its session goes on; a claim begins the count anew', async () => {
  const { id, sessionId } = await created(store);
  const behind = await created(store, { prompt: 'x', session_id: sessionId });
  const passes = async (count: number) => {
    const answers = new Set<string>();
    for (let i = 0; i < count; i++) answers.add((await store.passOn(id, (await store.get(id))?.dispatch ?? 0)).kind);
    return [...answers];
  };
  expect(await passes(20)).toEqual(['passed_on']);
  const { lease } = await claimed(store, { runId: id, dispatch: 21 });
  await store.requeue(lease, 'drain');
  expect(await passes(20)).toEqual(['passed_on']);
  expect(await store.passOn(id, 42)).toEqual({ kind: 'exhausted', next: { runId: behind.id, dispatch: 1 } });
  expect(await store.get(id)).toMatchObject({ status: 'failed', outcome: NOT_UNDERSTOOD });
  expect(await store.passOn(id, 42)).toEqual({ kind: 'stale' });
});
