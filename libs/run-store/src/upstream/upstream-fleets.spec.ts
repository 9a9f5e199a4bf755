// Workers with several credentials, or several ways to the provider, at one queue: who is refused leaves the runs to those who are not.
import { newId } from '@runyard/domain';
import type { TestRedis } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClaimAnswer, Dispatch, Lease, RunStore, TroubleKind, WorkerInfo } from '../index.js';
import { created, linesOf, logOf, SUCCEEDED } from '../store.fixture.js';
import { onStoreStand } from '../store-stand.fixture.js';

const BAD = 'ab12cd34ef56ab12cd34ef56';
const GOOD = '00112233445566778899aabb';

interface Hand {
  readonly id: string;
  readonly credential: string;
  readonly host: string;
}

let server: TestRedis;
let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ server, redis, store } = stand));
beforeEach(() => server.flush());

async function hand(credential: string, host: string, more: Partial<WorkerInfo> = {}): Promise<Hand> {
  const id = newId('worker');
  await beat({ id, credential, host }, more);
  return { id, credential, host };
}
const beat = ({ id, credential, host }: Hand, more: Partial<WorkerInfo> = {}) =>
  store.heartbeat({ id, host, credential, pid: 1, version: '1', claudeVersion: null, capacity: 2, busy: 0, state: 'ready', runIds: [], startedAt: '2026-01-01T00:00:00.000Z', labels: {}, ...more });
const vanish = ({ id }: Hand) => redis.zadd('runyard:workers', Date.now() - 16_000, id);
const claim = ({ id, credential }: Hand, dispatch: Dispatch): Promise<ClaimAnswer> => store.claim({ ...dispatch, workerId: id, credential, giveUpAfterMs: 3_600_000 });
const fresh = async (): Promise<Dispatch> => ({ runId: (await created(store)).id, dispatch: 1 });
async function claimed(worker: Hand, dispatch?: Dispatch): Promise<Lease> {
  const answer = await claim(worker, dispatch ?? (await fresh()));
  if (answer.kind !== 'claimed') throw new Error(`claim answered ${answer.kind}`);
  return { runId: answer.run.id, attempt: answer.run.attempt, workerId: worker.id };
}
const CODES = { auth: 'authentication_failed', quota: 'rate_limited', connection: 'connection_failed', overloaded: 'overloaded', spend: 'billing_error' } as const;
async function meets(worker: Hand, lease: Lease, kind: TroubleKind = 'auth') {
  await store.upstream.report(worker.credential, { kind, code: CODES[kind], message: 'No.' }, lease.runId, worker.id);
  const waitingFor = kind === 'auth' ? 'auth' : 'quota';
  return store.park(lease, { waitingFor, left: waitingFor, detail: 'No.', credential: worker.credential, failureCode: CODES[kind], giveUpAfterMs: 3_600_000 });
}
const breaker = async (credential: string) => (await store.upstream.list()).find((one) => credential.startsWith(one.credential));
const waitIsOver = (credential = BAD) => redis.hset(`runyard:upstream:${credential}`, 'until', 1);
const mayAgain = ({ id }: Hand) => redis.hset(`runyard:worker:${id}:cut_off`, 'until', 1);
/** Lets the next round come at once. */
async function round(): Promise<string[]> {
  await redis.hdel(`runyard:upstream:${BAD}`, 'ramp_at');
  return (await store.queued.advance(100)).map(({ runId }) => runId);
}
const stance = ({ id, credential }: Hand) => store.upstream.stance(credential, id);

describe('a credential that is refused beside one that works', () => {
  test('keeps no runs: who met it and who is claimed with it go to the others, without a wait', async () => {
    const [bad, good] = [await hand(BAD, 'a'), await hand(GOOD, 'b')];
    const lease = await claimed(bad);
    expect(await stance(bad)).toBe('go_on');
    expect(await meets(bad, lease)).toEqual({ kind: 'passed_on', next: { runId: lease.runId, dispatch: 2 } });
    expect(await meets(bad, lease), 'the reply was lost').toMatchObject({ kind: 'parked' });
    expect([await stance(bad), await stance(good)]).toEqual(['rest', 'go_on']);
    expect(await store.get(lease.runId)).toMatchObject({ status: 'queued', left: 'auth', attempt: 1, workerId: null, waitingFor: null, losses: 0 });
    for (let n = 0; n < 3; n++) {
      const dispatch = await fresh();
      expect(await claim(bad, dispatch)).toEqual({ kind: 'elsewhere', next: { runId: dispatch.runId, dispatch: 2 } });
      expect(await claim(bad, dispatch), 'the reply was lost').toEqual({ kind: 'stale' });
      expect(await store.get(dispatch.runId)).toMatchObject({ status: 'queued', attempt: 0, queuePosition: expect.any(Number) });
      expect(linesOf((await logOf(store, dispatch.runId)).events).at(-1)).toBe('0-2 run.queued {"dispatch":2,"reason":"elsewhere"}');
      await store.finish(await claimed(good, { ...dispatch, dispatch: 2 }), SUCCEEDED);
    }
    await store.finish(await claimed(good, { runId: lease.runId, dispatch: 2 }), SUCCEEDED);
    expect(await store.counts()).toMatchObject({ waiting: 0, queued: 0, running: 0, succeeded: 4 });
    expect(await redis.exists(`runyard:waits:${BAD}`, 'runyard:give_ups')).toBe(0);
  });

  test('is asked for by one worker, one run at a time, and each refusal doubles the wait', async () => {
    const [bad, twin, good] = [await hand(BAD, 'a'), await hand(BAD, 'b'), await hand(GOOD, 'c')];
    await meets(bad, await claimed(bad));
    for (const failures of [2, 3, 4]) {
      expect([await stance(bad), await stance(twin)]).toEqual(['rest', 'rest']);
      await waitIsOver();
      expect([await stance(twin), await stance(bad), await stance(twin), await stance(good)]).toEqual(['ask', 'rest', 'ask', 'go_on']);
      const asking = await claimed(twin);
      expect(await stance(twin)).toBe('rest');
      expect((await claim(bad, await fresh())).kind).toBe('elsewhere');
      expect((await meets(twin, asking)).kind).toBe('passed_on');
      expect(await breaker(BAD)).toMatchObject({ state: 'open', kind: 'auth', failures, waiting: 0 });
    }
    await waitIsOver();
    expect(await stance(bad)).toBe('ask');
    const asking = await claimed(bad);
    expect(await store.upstream.succeeded(BAD, asking.runId, 0, bad.id)).toBe(true);
    expect([await stance(bad), await stance(twin)]).toEqual(['go_on', 'go_on']);
  });

  test('who was to ask and asks not gives its turn on', async () => {
    const [bad, twin] = [await hand(BAD, 'a'), await hand(BAD, 'b'), await hand(GOOD, 'c')];
    await meets(bad, await claimed(bad));
    await waitIsOver();
    expect([await stance(bad), await stance(twin)]).toEqual(['ask', 'rest']);
    await redis.hset(`runyard:upstream:${BAD}`, 'asker_until', 1);
    expect([await stance(twin), await stance(bad)]).toEqual(['ask', 'rest']);
    // It is heard of all the time and takes nothing: when its turn is over it is not the next one.
    await redis.hset(`runyard:upstream:${BAD}`, 'asker_until', Date.now() - 1000);
    expect([await stance(twin), await stance(bad), await stance(twin)]).toEqual(['rest', 'ask', 'rest']);
  });

  test.each<[string, (other: Hand) => unknown]>([
    ['is lost', vanish],
    ['is draining', (other) => beat(other, { state: 'draining' })],
    ['was asked to drain', (other) => store.drainWorker(other.id)],
    ['has no room', (other) => beat(other, { resting: true })],
    ['has left', (other) => store.leave(other.id)],
    ['is refused too', async (other) => meets(other, await claimed(other))],
    ['has no way to the provider', async (other) => {
      await hand(GOOD, 'c');
      await meets(other, await claimed(other), 'connection');
      for (const { id, host } of await store.workers()) if (host === 'c') await store.leave(id);
    }],
    ['does not say what it uses', (other) => beat(other, { credential: undefined } as unknown as Partial<WorkerInfo>)],
  ])('keeps its runs when the other worker %s', async (_, happens) => {
    const [bad, other] = [await hand(BAD, 'a'), await hand(GOOD, 'b')];
    await happens(other);
    const lease = await claimed(bad);
    expect(await meets(bad, lease)).toEqual({ kind: 'parked' });
    expect(await stance(bad)).toBe('go_on');
    expect(await claim(bad, await fresh())).toEqual({ kind: 'parked' });
    expect(await round()).toEqual([]);
    await waitIsOver();
    expect(await round()).toEqual([lease.runId]);
  });

  test('gives its waiting runs to workers that come later, in their order, 1, 2, 4 … at a time', async () => {
    const bad = await hand(BAD, 'a');
    const lease = await claimed(bad);
    await meets(bad, lease);
    const ids = [lease.runId];
    for (let n = 0; n < 7; n++) {
      const dispatch = await fresh();
      expect((await claim(bad, dispatch)).kind).toBe('parked');
      ids.push(dispatch.runId);
    }
    expect(await round()).toEqual([]);
    const good = await hand(GOOD, 'b');
    await waitIsOver();
    expect(await stance(bad), 'while some are on their way').toBe('rest');
    expect([await round(), await round(), await round(), await round()]).toEqual([ids.slice(0, 1), ids.slice(1, 3), ids.slice(3, 7), ids.slice(7)]);
    for (const runId of ids) await store.finish(await claimed(good, { runId, dispatch: 2 }), SUCCEEDED);
    expect(await breaker(BAD)).toMatchObject({ state: 'open', failures: 1, waiting: 0 });
  });

  test('is not taken for replaced while a worker has it: its breaker stays, and so does its patience', async () => {
    const bad = await hand(BAD, 'a');
    const [first, second] = [await claimed(bad), await fresh()];
    await meets(bad, first);
    await claim(bad, second);
    await waitIsOver();
    expect(await round()).toEqual([first.runId]);
    const good = await hand(GOOD, 'b');
    await claimed(good, { runId: first.runId, dispatch: 2 });
    expect(await breaker(BAD)).toMatchObject({ state: 'open', failures: 1 });
    expect(await round(), 'the next one goes to who can').toEqual([second.runId]);
    expect(await stance(bad)).toBe('ask');
    await meets(bad, await claimed(bad));
    expect(await breaker(BAD)).toMatchObject({ state: 'open', failures: 2 });
  });

  test('is forgotten when no worker has it any more', async () => {
    const bad = await hand(BAD, 'a');
    await meets(bad, await claimed(bad));
    await claim(bad, await fresh());
    await hand(GOOD, 'b');
    await store.leave(bad.id);
    await waitIsOver();
    await round();
    expect(await breaker(BAD)).toMatchObject({ state: 'closed', failures: 0 });
    await round();
    expect(await breaker(BAD)).toMatchObject({ waiting: 0 });
  });
});

describe('a worker that cannot connect', () => {
  test('rests alone while others with its credential can, and asks by itself with growing waits', async () => {
    const [lonely, fine] = [await hand(GOOD, 'a'), await hand(GOOD, 'b')];
    const [one, two] = [await claimed(lonely), await claimed(lonely)];
    expect(await meets(lonely, one, 'connection')).toEqual({ kind: 'passed_on', next: { runId: one.runId, dispatch: 2 } });
    const first = Number(await redis.hget(`runyard:worker:${lonely.id}:cut_off`, 'until'));
    expect(await meets(lonely, two, 'connection')).toMatchObject({ kind: 'passed_on' });
    expect(await redis.hmget(`runyard:worker:${lonely.id}:cut_off`, 'until', 'failures'), 'it was under way').toEqual([String(first), '1']);
    expect(await store.upstream.list()).toEqual([]);
    expect([await stance(lonely), await stance(fine)]).toEqual(['rest', 'go_on']);
    expect((await claim(lonely, await fresh())).kind).toBe('elsewhere');
    await claimed(fine, { runId: one.runId, dispatch: 2 });
    for (const failures of ['2', '3']) {
      await mayAgain(lonely);
      expect(await stance(lonely)).toBe('ask');
      expect((await meets(lonely, await claimed(lonely), 'connection')).kind).toBe('passed_on');
      expect(await redis.hget(`runyard:worker:${lonely.id}:cut_off`, 'failures')).toBe(failures);
      expect(await redis.pttl(`runyard:worker:${lonely.id}:cut_off`)).toBeGreaterThan(0);
    }
    await mayAgain(lonely);
    const asking = await claimed(lonely);
    await store.upstream.succeeded(GOOD, asking.runId, 0, lonely.id);
    expect(await stance(lonely)).toBe('go_on');
    expect(await store.upstream.list()).toEqual([]);
  });

  test('speaks for all when it is alone, or when the others cannot connect either', async () => {
    const [first, second] = [await hand(BAD, 'a'), await hand(BAD, 'a')];
    expect((await meets(first, await claimed(first), 'connection')).kind).toBe('passed_on');
    expect(await breaker(BAD)).toBeUndefined();
    expect((await meets(second, await claimed(second), 'connection')).kind).toBe('parked');
    expect(await breaker(BAD)).toMatchObject({ state: 'open', kind: 'connection', failures: 1, waiting: 1 });
    expect([await stance(first), await stance(second)]).toEqual(['go_on', 'go_on']);
    await waitIsOver();
    const [runId = ''] = await round();
    const asking = await claimed(first, { runId, dispatch: 2 });
    await store.upstream.succeeded(BAD, asking.runId, 0, first.id);
    expect([await stance(first), await stance(second)], 'the other one may ask now, however often it failed').toEqual(['go_on', 'ask']);
  });

  test('is believed by all when another host has found the same; the probe of one that is cut off is no failure while others can', async () => {
    const [first, second, third] = [await hand(BAD, 'a'), await hand(BAD, 'b'), await hand(BAD, 'c')];
    expect((await meets(first, await claimed(first), 'connection')).kind).toBe('passed_on');
    const lease = await claimed(second);
    expect((await meets(second, lease, 'connection')).kind).toBe('parked');
    expect(await breaker(BAD)).toMatchObject({ state: 'open', failures: 1 });
    expect([await stance(first), await stance(second), await stance(third)]).toEqual(['rest', 'rest', 'go_on']);
    await waitIsOver();
    expect(await round()).toEqual([lease.runId]);
    await mayAgain(second);
    await meets(second, await claimed(second, { runId: lease.runId, dispatch: 2 }), 'connection');
    expect(await breaker(BAD)).toMatchObject({ state: 'open', failures: 1 });
    expect(await round(), 'the next may ask at once').toEqual([lease.runId]);
    const asking = await claimed(third, { runId: lease.runId, dispatch: 3 });
    expect(await store.upstream.succeeded(BAD, asking.runId, 0, third.id)).toBe(true);
    expect([await stance(first), await stance(second), await stance(third)]).toEqual(['ask', 'ask', 'go_on']);
    expect((await meets(second, await claimed(second), 'connection')).kind, 'it has said so before').toBe('passed_on');
    expect(await breaker(BAD)).toMatchObject({ state: 'closed' });
  });

  test('does not rest when the other ones are gone', async () => {
    const [lonely, fine] = [await hand(GOOD, 'a'), await hand(GOOD, 'b')];
    await meets(lonely, await claimed(lonely), 'connection');
    expect(await stance(lonely)).toBe('rest');
    await vanish(fine);
    expect(await stance(lonely)).toBe('go_on');
    await claimed(lonely);
    await store.leave(lonely.id);
    expect(await redis.keys(`runyard:worker:${lonely.id}*`)).toEqual([]);
  });
});

test('two fleets at one queue: the greedy one with the bad key keeps nobody, and few runs ever meet it', async () => {
  const [bad, good] = [await hand(BAD, 'a', { capacity: 4 }), await hand(GOOD, 'b')];
  const pending = await Promise.all(Array.from({ length: 24 }, fresh));
  const met: string[] = [];
  /** As much as it can, as a worker does that fails within milliseconds. */
  const refusedWork = async (): Promise<void> => {
    for (let taken = 0; taken < 4 && pending.length > 0 && (await stance(bad)) !== 'rest'; taken++) {
      const answer = await claim(bad, pending.shift() as Dispatch);
      if (answer.kind === 'elsewhere') pending.push(answer.next);
      if (answer.kind !== 'claimed') continue;
      met.push(answer.run.id);
      const left = await meets(bad, { runId: answer.run.id, attempt: answer.run.attempt, workerId: bad.id });
      if (left.kind === 'passed_on') pending.push(left.next);
    }
  };
  let turns = 0;
  for (; (await store.counts()).succeeded < 24 && turns < 60; turns++) {
    await beat(bad, { capacity: 4 });
    await beat(good);
    await refusedWork();
    // Each third time its wait is over: far more often than in truth.
    if (turns % 3 === 2) await waitIsOver();
    const next = pending.shift();
    if (next) await store.finish(await claimed(good, next), SUCCEEDED);
    expect(await round()).toEqual([]);
    expect((await store.counts()).waiting).toBe(0);
  }
  expect(turns).toBe(24);
  expect(met.length).toBeLessThanOrEqual(1 + 24 / 3);
  expect(await breaker(BAD)).toMatchObject({ state: 'open', failures: met.length });
});
