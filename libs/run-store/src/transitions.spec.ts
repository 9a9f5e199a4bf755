// The state table of the domain holds for every script and every state.
import { mayBecome, newId, RUN_STATUSES } from '@runyard/domain';
import type { RunStatus } from '@runyard/domain';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { Lease, RunStore } from './index.js';
import { created, expireLease, FAILED, message, REQUEST, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ redis, store } = stand));

type Situation = RunStatus | 'waiting, held' | 'running, lease over' | 'running, cancel requested';
const SITUATIONS: readonly Situation[] = [...RUN_STATUSES, 'waiting, held', 'running, lease over', 'running, cancel requested'];
const statusIn = (situation: Situation) => situation.split(',')[0] as RunStatus;

/** A run in a situation, whose attempt and dispatch are the ones that a script would accept. */
async function runIn(situation: Situation) {
  if (situation === 'queued') return { id: (await created(store)).id, attempt: 0, dispatch: 1 };
  const { id, lease } = await started(store);
  const status = statusIn(situation);
  if (status === 'waiting') {
    await redis.hset(`runyard:run:${id}`, 'status', 'waiting', 'waiting_for', 'recovery', 'held', situation === 'waiting' ? '0' : '1');
    const { createdAt } = (await store.get(id)) ?? { createdAt: '' };
    await redis.zrem('runyard:runs:status:running', `${Date.parse(createdAt)}_${id}`);
    await redis.zadd('runyard:runs:status:waiting', 0, `${Date.parse(createdAt)}_${id}`);
    if (situation === 'waiting') await redis.zrem('runyard:leases', id);
  } else if (status === 'canceled') await store.finish(lease, { ...SUCCEEDED, status });
  else if (status === 'succeeded' || status === 'failed') await store.finish(lease, status === 'failed' ? FAILED : SUCCEEDED);
  if (situation === 'running, lease over') await expireLease(redis, lease);
  if (situation === 'running, cancel requested') await store.cancel(id);
  return { id, attempt: 1, dispatch: 1 };
}

type RunInSituation = Awaited<ReturnType<typeof runIn>>;

const leaseOf = (runId: string, attempt: number): Lease => ({ runId, attempt, workerId: 'wrk_test' });
/** What becomes of a run that its worker gives back. */
const LEFT: Partial<Record<Situation, RunStatus>> = { running: 'queued', 'waiting, held': 'queued', 'running, lease over': 'queued', 'running, cancel requested': 'canceled' };

/** Each script, and what it makes of the situations that it changes. */
const SCRIPTS: Record<string, { readonly call: (run: RunInSituation) => Promise<unknown>; readonly changes: Partial<Record<Situation, RunStatus>> }> = {
  claim: {
    call: ({ id, dispatch }) => store.claim({ runId: id, dispatch, workerId: 'wrk_other' }),
    changes: { queued: 'running' },
  },
  renew: { call: ({ id, attempt }) => store.renew(leaseOf(id, attempt)), changes: {} },
  append: { call: ({ id, attempt }) => store.append(leaseOf(id, attempt), 1, [message('x')]), changes: {} },
  appendFromOutside: { call: ({ id }) => store.appendFromOutside(id, message('x')), changes: {} },
  noteModel: { call: ({ id, attempt }) => store.noteModel({ runId: id, attempt }, 'm'), changes: {} },
  'finish succeeded': {
    call: ({ id, attempt }) => store.finish(leaseOf(id, attempt), SUCCEEDED),
    changes: { running: 'succeeded', 'running, lease over': 'succeeded', 'running, cancel requested': 'succeeded' },
  },
  'finish failed': {
    call: ({ id, attempt }) => store.finish(leaseOf(id, attempt), FAILED),
    changes: { running: 'failed', 'waiting, held': 'failed', 'running, lease over': 'failed', 'running, cancel requested': 'failed' },
  },
  'finish canceled': {
    call: ({ id, attempt }) => store.finish(leaseOf(id, attempt), { ...SUCCEEDED, status: 'canceled' }),
    changes: { running: 'canceled', 'waiting, held': 'canceled', 'running, lease over': 'canceled', 'running, cancel requested': 'canceled' },
  },
  park: {
    call: ({ id, attempt }) => store.park(leaseOf(id, attempt), { waitingFor: 'quota', left: 'quota', detail: 'x' }),
    changes: { running: 'waiting', 'running, lease over': 'waiting', 'running, cancel requested': 'canceled' },
  },
  handOver: { call: ({ id, attempt }) => store.handOver(leaseOf(id, attempt)), changes: LEFT },
  raiseAttempt: { call: ({ id, attempt }) => store.raiseAttempt(leaseOf(id, attempt), 7), changes: LEFT },
  'recover resume': { call: ({ id }) => store.recover(id, 'resume'), changes: { waiting: 'queued' } },
  'recover restart': { call: ({ id }) => store.recover(id, 'restart'), changes: { waiting: 'queued' } },
  'recover abandon': { call: ({ id }) => store.recover(id, 'abandon'), changes: { waiting: 'failed' } },
  noteSpawn: { call: ({ id, attempt }) => store.noteSpawn(leaseOf(id, attempt)), changes: {} },
  noteProgress: { call: ({ id, attempt }) => store.noteProgress({ runId: id, attempt }), changes: {} },
  passOn: { call: ({ id, dispatch }) => store.passOn(id, dispatch), changes: {} },
  requeue: {
    call: ({ id, attempt }) => store.requeue(leaseOf(id, attempt), 'drain'),
    changes: LEFT,
  },
  redispatchLost: { call: ({ id }) => store.redispatchLost(id), changes: { 'running, lease over': 'queued' } },
  cancel: { call: ({ id }) => store.cancel(id), changes: { queued: 'canceled', waiting: 'canceled' } },
  compact: { call: ({ id }) => store.compact(id), changes: {} },
  dispatched: { call: ({ id }) => store.dispatched({ runId: id, dispatch: 1 }), changes: {} },
  'create in its session': {
    call: async ({ id }) => store.create({ request: { ...REQUEST, session_id: (await store.get(id))?.sessionId }, trigger: 'api' }),
    changes: {},
  },
};

describe.each(Object.entries(SCRIPTS))('%s', (_, { call, changes }) => {
  test.each(SITUATIONS)('on a run that is %s', async (situation) => {
    const run = await runIn(situation);
    const before = await store.get(run.id);
    expect(before?.status).toBe(statusIn(situation));
    await call(run).catch((error: unknown) => {
      // Only a defect of the caller asks for this; it must change nothing.
      expect(String(error)).toMatch(/a run may not go from/);
    });
    const after = await store.get(run.id);
    expect(after?.status).toBe(changes[situation] ?? before?.status);
    if (after?.status !== before?.status) expect(mayBecome(statusIn(situation), after?.status ?? 'queued')).toBe(true);
    else if (['succeeded', 'failed', 'canceled'].includes(statusIn(situation))) expect({ ...after, log: 'stream' }).toEqual(before);
    await expectIndexed(run.id);
  });
});

test('delete takes terminal runs and no others', async () => {
  for (const situation of SITUATIONS) {
    const { id } = await runIn(situation);
    const isTerminal = ['succeeded', 'failed', 'canceled'].includes(situation);
    expect([situation, await store.delete(id)]).toEqual([situation, isTerminal ? 'deleted' : 'not_terminal']);
    expect((await store.get(id)) === undefined).toBe(isTerminal);
  }
});

test('every script knows runs that are not there', async () => {
  const run = { id: newId('run'), attempt: 1, dispatch: 1 };
  for (const [name, { call }] of Object.entries(SCRIPTS)) {
    if (name !== 'create in its session') await call(run);
    expect([name, await redis.keys(`runyard:run:${run.id}*`)]).toEqual([name, []]);
  }
});

/** The run is in the index of its state and in no other, and in the lease index exactly when it has one. */
async function expectIndexed(id: string): Promise<void> {
  const run = await store.get(id);
  const member = `${Date.parse(run?.createdAt ?? '')}_${id}`;
  const scores = await Promise.all(RUN_STATUSES.map(async (status) => [status, (await redis.zscore(`runyard:runs:status:${status}`, member)) !== null] as const));
  expect(scores.filter(([, isIn]) => isIn).map(([status]) => status)).toEqual([run?.status]);
  if (run?.leaseUntilMs === null) expect(await redis.zscore('runyard:leases', id)).toBeNull();
}
