// The breaker of a credential: who waits, who asks, who goes on and in which order; with real Redis and several claimers.
import type { CreateRun } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClaimAnswer, Dispatch, RunStore, UpstreamReport } from '../index.js';
import { created, expireLease, FAILED, linesOf, logOf, SUCCEEDED } from '../store.fixture.js';
import { onStoreStand } from '../store-stand.fixture.js';

const KEY = 'ab12cd34ef56ab12cd34ef56';
const OTHER = '00112233445566778899aabb';

let server: TestRedis;
let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ server, redis, store } = stand));
beforeEach(() => server.flush());

const claim = (dispatch: Dispatch, more: { readonly giveUpAfterMs?: number; readonly credential?: string | undefined } = {}): Promise<ClaimAnswer> =>
  store.claim({ ...dispatch, workerId: 'wrk_test', credential: KEY, ...more });
const claimedRun = async (dispatch: Dispatch): Promise<{ readonly runId: string; readonly attempt: number; readonly workerId: string }> => {
  const answer = await claim(dispatch);
  if (answer.kind !== 'claimed') throw new Error(`claim answered ${answer.kind}`);
  return { runId: answer.run.id, attempt: answer.run.attempt, workerId: 'wrk_test' };
};
const parkedRun = async (request?: CreateRun, giveUpAfterMs?: number): Promise<string> => {
  const run = await created(store, request);
  expect(await claim({ runId: run.id, dispatch: 1 }, giveUpAfterMs === undefined ? {} : { giveUpAfterMs })).toEqual({ kind: 'parked' });
  return run.id;
};
const overloaded = (runId: string, more: Partial<UpstreamReport> = {}): Promise<{ readonly resumesAtMs: number }> =>
  store.upstream.report(KEY, { kind: 'overloaded', code: 'overloaded', message: 'Overloaded.', ...more }, runId);
const breaker = async () => (await store.upstream.list()).find(({ credential }) => KEY.startsWith(credential));
/** Lets the wait be over, as if its time had passed. */
const waitIsOver = async (): Promise<void> => void (await redis.hset(`runyard:upstream:${KEY}`, 'until', 1));
/** Lets the next round come at once. */
const round = async (): Promise<Dispatch[]> => {
  await redis.hdel(`runyard:upstream:${KEY}`, 'ramp_at');
  return store.queued.advance(100);
};
const fieldsOf = (id: string, ...names: string[]): Promise<(string | null)[]> => redis.hmget(`runyard:run:${id}`, ...names);
const open = async (): Promise<string> => {
  const { id } = await created(store);
  const lease = await claimedRun({ runId: id, dispatch: 1 });
  await overloaded(id, { retryAfterMs: 600_000 }); // not over before waitIsOver()
  await store.finish(lease, SUCCEEDED);
  return id;
};

describe('while a service refuses', () => {
  test('a claim parks the run without an attempt; it tells what it waits for and until when', async () => {
    const { id: first } = await created(store);
    await claimedRun({ runId: first, dispatch: 1 });
    const before = Date.now();
    const { resumesAtMs } = await overloaded(first);
    expect(resumesAtMs - before).toBeGreaterThanOrEqual(5000);
    expect(resumesAtMs - Date.now()).toBeLessThanOrEqual(5500);
    const id = await parkedRun();
    const at = new Date(resumesAtMs).toISOString();
    expect(await store.get(id)).toMatchObject({
      status: 'waiting', waitingFor: 'quota', held: false, attempt: 0, dispatch: 1, queuePosition: null, queuedReason: null, resumesAt: at, waitingDetail: 'Overloaded.',
    });
    expect(linesOf((await logOf(store, id)).events)).toEqual([
      '0-1 run.queued {"dispatch":1}',
      `0-2 run.waiting {"waiting_for":"quota","held":false,"resumes_at":"${at}","reason":"Overloaded."}`,
    ]);
    expect(await claim({ runId: id, dispatch: 1 })).toEqual({ kind: 'stale' });
    expect(await store.undispatched(0, 10)).not.toContainEqual({ runId: id, dispatch: 1 });
    expect(await store.queued.advance(10)).toEqual([]);
    expect(await breaker()).toMatchObject({ credential: KEY.slice(0, 12), state: 'open', kind: 'overloaded', code: 'overloaded', message: 'Overloaded.', until: at, failures: 1, waiting: 1 });
    expect(await store.counts()).toMatchObject({ waiting: 1, running: 1 });
  });

  test('runs of another credential, and those that name none, are not touched', async () => {
    await open();
    for (const credential of [OTHER, undefined]) {
      const { id } = await created(store);
      expect((await claim({ runId: id, dispatch: 1 }, { credential })).kind).toBe('claimed');
    }
    await expect(claim({ runId: (await created(store)).id, dispatch: 1 }, { credential: 'sk-ant-oat-secret' })).rejects.toThrow(RangeError);
  });

  test.each([
    ['auth', 'authentication_failed', 20_000, 'auth'],
    ['spend', 'billing_error', 60_000, 'quota'],
    ['quota', 'rate_limited', 15_000, 'quota'],
    ['connection', 'connection_failed', 5000, 'quota'],
  ] as const)('%s: waits its time', async (kind, code, leastMs, waitingFor) => {
    const { id } = await created(store);
    const before = Date.now();
    const { resumesAtMs } = await overloaded(id, { kind, code });
    expect(resumesAtMs).toBeGreaterThanOrEqual(before + leastMs);
    expect(resumesAtMs).toBeLessThanOrEqual(Date.now() + leastMs * 1.1 + 1);
    expect(await store.get(await parkedRun())).toMatchObject({ status: 'waiting', waitingFor });
  });

  test('each wait is longer by up to a tenth, at random: many installations do not come back in the same moment', async () => {
    const leastMs = 60_000;
    const beyond: { readonly least: number; readonly most: number }[] = [];
    for (let draw = 0; draw < 40; draw++) {
      await redis.del(`runyard:upstream:${KEY}`);
      const before = Date.now();
      const { resumesAtMs } = await overloaded('run_any', { kind: 'spend', code: 'billing_error' });
      beyond.push({ least: resumesAtMs - leastMs - Date.now(), most: resumesAtMs - leastMs - before });
    }
    // What is added to the wait lies between the two: the clock of Redis was read between both looks at ours.
    expect(Math.min(...beyond.map(({ most }) => most))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...beyond.map(({ least }) => least))).toBeLessThanOrEqual(leastMs / 10);
    expect([beyond.some(({ least }) => least > leastMs * 0.03), beyond.some(({ most }) => most < leastMs * 0.07)], 'some are late, some early').toEqual([true, true]);
  });

  test('what the service itself asks for is kept to, and later reports of runs that were under way only lengthen it when they ask so', async () => {
    const ids = [(await created(store)).id, (await created(store)).id];
    const { resumesAtMs } = await overloaded(ids[0] ?? '', { kind: 'quota', retryAfterMs: 3_600_000 });
    expect(resumesAtMs).toBeGreaterThanOrEqual(Date.now() + 3_590_000);
    expect(await overloaded(ids[1] ?? '', { kind: 'quota' })).toEqual({ resumesAtMs });
    expect((await breaker())?.failures).toBe(1);
    const longer = await overloaded(ids[1] ?? '', { kind: 'quota', retryAfterMs: 7_200_000 });
    expect(longer.resumesAtMs).toBeGreaterThan(resumesAtMs);
    expect(await store.get(await parkedRun())).toMatchObject({ resumesAt: new Date(longer.resumesAtMs).toISOString() });
  });

  test('a run that has been parked is canceled at once and forgotten by the breaker', async () => {
    await open();
    const id = await parkedRun(undefined, 60_000);
    expect(await store.cancel(id)).toMatchObject({ kind: 'canceled' });
    expect(await redis.exists(`runyard:waits:${KEY}`, 'runyard:give_ups')).toBe(0);
    await waitIsOver();
    expect(await store.queued.advance(10)).toEqual([]);
    expect(await store.delete(id)).toBe('deleted');
  });

  test('it expires while it waits, when nobody had started it', async () => {
    await open();
    const id = await parkedRun({ prompt: 'go', expires_in_seconds: 3600 });
    expect(await redis.zadd('runyard:expiries', 'XX', 'CH', 1, id)).toBe(1);
    await store.queued.advance(10);
    expect(await store.get(id)).toMatchObject({ status: 'failed', outcome: { failure: { code: 'expired' } } });
  });

  test('its session waits with it, and goes on when it gives up: failed with what it met', async () => {
    await open();
    const id = await parkedRun(undefined, 0);
    const { sessionId } = (await store.get(id)) ?? { sessionId: '' };
    const next = await created(store, { prompt: 'go', session_id: sessionId });
    expect(next.queuedReason).toBe('session');
    expect(await store.queued.advance(10)).toEqual([{ runId: next.id, dispatch: 1 }]);
    expect(await store.get(id)).toMatchObject({ status: 'failed', waitingFor: null, outcome: { failure: { code: 'overloaded', retryable: true } } });
    expect((await store.get(id))?.outcome?.failure?.message).toContain('Overloaded.');
  });
});

describe('a probe', () => {
  test('when the time is over the oldest run asks, alone, whoever looks; those that claim meanwhile wait', async () => {
    await open();
    const ids = [await parkedRun(), await parkedRun(), await parkedRun()];
    await waitIsOver();
    const looks = await Promise.all(Array.from({ length: 8 }, () => store.queued.advance(100)));
    expect(looks.flat()).toEqual([{ runId: ids[0], dispatch: 2 }]);
    expect(await breaker()).toMatchObject({ state: 'half_open', until: null, waiting: 2 });
    await parkedRun();
    expect(await store.get(ids[1] ?? '')).toMatchObject({ status: 'waiting', resumesAt: null });
    await claimedRun({ runId: ids[0] ?? '', dispatch: 2 });
    expect(await round()).toEqual([]);
  });

  test('one that fails doubles the wait, up to five minutes, and is the next to ask again', async () => {
    await open();
    const id = await parkedRun();
    const later = await parkedRun();
    let dispatch = 1;
    for (const seconds of [10, 20, 40, 80, 160, 300, 300]) {
      await waitIsOver();
      const [next] = await round();
      expect(next).toEqual({ runId: id, dispatch: (dispatch += 1) });
      const lease = await claimedRun({ runId: id, dispatch });
      const before = Date.now();
      const { resumesAtMs } = await overloaded(id);
      expect(resumesAtMs - before).toBeGreaterThanOrEqual(seconds * 1000);
      expect(resumesAtMs - Date.now()).toBeLessThanOrEqual(seconds * 1100);
      expect(await overloaded(id)).toEqual({ resumesAtMs });
      expect(await overloaded(later)).toEqual({ resumesAtMs });
      expect((await store.requeue(lease, 'test'))?.dispatch).toBe((dispatch += 1));
      expect(await claim({ runId: id, dispatch })).toEqual({ kind: 'parked' });
    }
    expect((await breaker())?.failures).toBe(8);
  });

  test('other trouble than before begins anew', async () => {
    await open();
    const id = await parkedRun();
    for (let n = 0; n < 2; n++) {
      await waitIsOver();
      const [next] = await round();
      const lease = await claimedRun(next ?? { runId: '', dispatch: 0 });
      await overloaded(id, n === 0 ? {} : { kind: 'auth', code: 'authentication_failed', message: 'Wrong key.' });
      const again = await store.requeue(lease, 'test');
      await claim(again ?? { runId: '', dispatch: 0 });
    }
    expect(await breaker()).toMatchObject({ kind: 'auth', failures: 1 });
    expect(await store.get(id)).toMatchObject({ status: 'waiting', waitingFor: 'auth', waitingDetail: 'Wrong key.' });
  });

  test('one that ends without a word gives its turn to the next at once, unless it succeeded', async () => {
    await open();
    const ids = [await parkedRun(), await parkedRun()];
    await waitIsOver();
    await round();
    await store.finish(await claimedRun({ runId: ids[0] ?? '', dispatch: 2 }), FAILED);
    expect(await round()).toEqual([{ runId: ids[1], dispatch: 2 }]);
    expect(await breaker()).toMatchObject({ state: 'half_open' });
    await store.finish(await claimedRun({ runId: ids[1] ?? '', dispatch: 2 }), SUCCEEDED);
    await round();
    expect(await breaker()).toMatchObject({ state: 'closed' });
  });

  test('one whose worker dies asks again with its next attempt; one that is silent for long loses its turn', async () => {
    await open();
    const ids = [await parkedRun(), await parkedRun()];
    await waitIsOver();
    await round();
    await expireLease(redis, await claimedRun({ runId: ids[0] ?? '', dispatch: 2 }));
    expect(await store.redispatchLost(ids[0] ?? '')).toEqual({ runId: ids[0], dispatch: 3 });
    await claimedRun({ runId: ids[0] ?? '', dispatch: 3 });
    expect(await round()).toEqual([]);
    await redis.hset(`runyard:upstream:${KEY}`, 'probe_until', 1);
    expect(await round()).toEqual([]);
    expect(await breaker()).toMatchObject({ state: 'open', failures: 1 });
    await waitIsOver();
    expect(await round()).toEqual([{ runId: ids[1], dispatch: 2 }]);
    // Nobody claims it: it keeps its turn for a while, not for ever.
    await redis.hset(`runyard:upstream:${KEY}`, 'probe_until', 1);
    await round();
    expect(await breaker()).toMatchObject({ state: 'half_open' });
    await redis.hset(`runyard:upstream:${KEY}`, 'probe_until', 1, 'probe_since', 1);
    await round();
    expect(await breaker()).toMatchObject({ state: 'open' });
    expect(await claim({ runId: ids[1] ?? '', dispatch: 2 })).toEqual({ kind: 'parked' });
  });

  test('with nobody waiting the first that comes after the time asks', async () => {
    await open();
    await waitIsOver();
    const { id } = await created(store);
    await claimedRun({ runId: id, dispatch: 1 });
    expect(await breaker()).toMatchObject({ state: 'half_open' });
    await parkedRun();
    expect(await store.upstream.succeeded(KEY, id)).toBe(true);
    expect(await breaker()).toMatchObject({ state: 'closed', failures: 0, waiting: 1 });
  });
});

test('workers that got a new key: the run that asks is claimed with it, and all that waited for the old one go on', async () => {
  await open();
  const ids = [await parkedRun(), await parkedRun(), await parkedRun()];
  await waitIsOver();
  await round();
  expect((await claim({ runId: ids[0] ?? '', dispatch: 2 }, { credential: OTHER })).kind).toBe('claimed');
  expect([...(await round()), ...(await round())].map(({ runId }) => runId)).toEqual([ids[1], ids[2]]);
  expect((await claim({ runId: ids[2] ?? '', dispatch: 2 }, { credential: OTHER })).kind).toBe('claimed');
});

describe('when the service answers again', () => {
  test('those that wait go on in the order of their creation, 1, 2, 4 … at a time, whoever looks', async () => {
    const early = Array.from({ length: 10 }, () => created(store));
    const ids = (await Promise.all(early)).toSorted((a, b) => (a.createdAt + a.id < b.createdAt + b.id ? -1 : 1)).map(({ id }) => id);
    const opener = await open();
    // They are claimed in another order than they were made.
    for (const id of ids.toReversed()) expect((await claim({ runId: id, dispatch: 1 })).kind).toBe('parked');
    expect(await store.upstream.succeeded(KEY, opener, 60_000)).toBe(false);
    expect(await store.upstream.succeeded(KEY, opener)).toBe(true);
    expect(await store.upstream.succeeded(KEY, opener)).toBe(false);
    const rounds: string[][] = [];
    for (let n = 0; n < 4; n++) {
      await redis.hdel(`runyard:upstream:${KEY}`, 'ramp_at');
      const looks = await Promise.all(Array.from({ length: 3 }, () => store.queued.advance(100)));
      rounds.push(looks.flat().map(({ runId }) => runId));
    }
    expect(rounds.map((some) => some.length)).toEqual([1, 2, 4, 3]);
    expect(rounds.flat()).toEqual(ids);
    for (const id of ids) expect(await store.get(id)).toMatchObject({ status: 'queued', waitingFor: null, resumesAt: null, waitingDetail: null });
    expect(linesOf((await logOf(store, ids[0] ?? '')).events).at(-1)).toContain('run.queued {"dispatch":2,"reason":"upstream"}');
    await claimedRun({ runId: ids[0] ?? '', dispatch: 2 });
  });

  test('a run that comes meanwhile takes its place behind those that wait', async () => {
    const opener = await open();
    const ids = [await parkedRun(), await parkedRun(), await parkedRun()];
    await store.upstream.succeeded(KEY, opener);
    expect(await round()).toEqual([{ runId: ids[0], dispatch: 2 }]);
    const late = await parkedRun();
    expect(await store.get(late)).toMatchObject({ status: 'waiting', resumesAt: null, waitingDetail: expect.stringContaining('waited longer go first') });
    await claimedRun({ runId: ids[0] ?? '', dispatch: 2 });
    expect((await round()).map(({ runId }) => runId)).toEqual([ids[1], ids[2]]);
    expect(await round()).toEqual([{ runId: late, dispatch: 2 }]);
    await claimedRun({ runId: late, dispatch: 2 });
    await claimedRun({ runId: (await created(store)).id, dispatch: 1 });
    expect(await fieldsOf(late, 'let_go')).toEqual([null]);
  });

  test('the time of giving up counts from the first wait until the run was answered', async () => {
    await open();
    const id = await parkedRun(undefined, 60_000);
    const first = await redis.zscore('runyard:give_ups', id);
    await waitIsOver();
    await round();
    const lease = await claimedRun({ runId: id, dispatch: 2 });
    await overloaded(id);
    await store.requeue(lease, 'test');
    await claim({ runId: id, dispatch: 3 }, { giveUpAfterMs: 500_000 });
    expect(await redis.zscore('runyard:give_ups', id)).toBe(first);
    await waitIsOver();
    await round();
    await claimedRun({ runId: id, dispatch: 4 });
    await store.upstream.succeeded(KEY, id);
    expect(await fieldsOf(id, 'give_up', 'upstream')).toEqual([null, null]);
  });

  test('a breaker that was forgotten lets its runs go, and nothing of it remains', async () => {
    await open();
    const id = await parkedRun();
    await redis.del(`runyard:upstream:${KEY}`);
    expect(await round()).toEqual([{ runId: id, dispatch: 2 }]);
    await redis.del(`runyard:upstream:${KEY}`);
    await round();
    expect(await redis.keys(`runyard:upstream*`)).toEqual([]);
  });
});

test('a storm: 50 runs and several claimers ask once per interval, and all go on after the first answer', async () => {
  const ids = (await Promise.all(Array.from({ length: 50 }, () => created(store)))).map(({ id }) => id);
  const pending: Dispatch[] = ids.map((runId) => ({ runId, dispatch: 1 }));
  let isUp = false;
  let asked = 0;
  const claimer = async (): Promise<void> => {
    for (let next = pending.shift(); next; next = pending.shift()) {
      const answer = await claim(next);
      if (answer.kind !== 'claimed') continue;
      const lease = { runId: answer.run.id, attempt: answer.run.attempt, workerId: 'wrk_test' };
      asked += 1;
      if (isUp) {
        await store.upstream.succeeded(KEY, lease.runId);
        await store.finish(lease, SUCCEEDED);
        continue;
      }
      await overloaded(lease.runId);
      const again = await store.requeue(lease, 'test');
      if (again) pending.push(again);
    }
  };
  const work = (): Promise<unknown> => Promise.all(Array.from({ length: 4 }, claimer));
  await work();
  // Those that were claimed before the first report.
  expect(asked).toBeLessThanOrEqual(4);
  for (let interval = 0; interval < 5; interval++) {
    asked = 0;
    await waitIsOver();
    for (let looks = 0; looks < 3; looks++) {
      pending.push(...(await Promise.all([round(), round(), round()])).flat());
      await work();
    }
    expect(asked).toBe(1);
    expect(await breaker()).toMatchObject({ state: 'open', waiting: 50 });
  }
  isUp = true;
  await waitIsOver();
  await waitFor(async () => {
    pending.push(...(await round()));
    await work();
    return (await store.counts()).succeeded === 50;
  }, { what: 'all runs', timeoutMs: 60_000 });
  expect(await store.counts()).toMatchObject({ queued: 0, running: 0, waiting: 0, failed: 0 });
  expect(await redis.exists(`runyard:waits:${KEY}`, 'runyard:give_ups', 'runyard:outbox')).toBeLessThanOrEqual(1);
});

test('a run that met the trouble itself waits with the others, at its place, and ends with its own failure when it gives up', async () => {
  const { id } = await created(store);
  const lease = await claimedRun({ runId: id, dispatch: 1 });
  const { resumesAtMs } = await overloaded(id, { kind: 'auth', code: 'authentication_failed', message: 'Wrong key.' });
  const later = await parkedRun();
  const park = (giveUpAfterMs: number) =>
    store.park(lease, { waitingFor: 'auth', left: 'auth', detail: 'The key does not work', credential: KEY, failureCode: 'authentication_failed', giveUpAfterMs });
  expect(await park(60_000)).toEqual({ kind: 'parked' });
  expect(await park(60_000)).toEqual({ kind: 'parked' });
  const at = new Date(resumesAtMs).toISOString();
  expect(await store.get(id)).toMatchObject({ status: 'waiting', waitingFor: 'auth', resumesAt: at, waitingDetail: 'The key does not work', left: 'auth', attempt: 1 });
  expect(linesOf((await logOf(store, id)).events).at(-1)).toBe(`1-3 run.waiting {"waiting_for":"auth","held":false,"resumes_at":"${at}","reason":"The key does not work"}`);
  await waitIsOver();
  expect(await round()).toEqual([{ runId: id, dispatch: 2 }]);
  expect(await claim({ runId: id, dispatch: 2 })).toMatchObject({ kind: 'claimed', run: { attempt: 2, left: 'auth', waitingFor: null, resumesAt: null } });
  await store.park({ ...lease, attempt: 2 }, { waitingFor: 'auth', left: 'auth', detail: 'Still not', credential: KEY, failureCode: 'authentication_failed' });
  await redis.zadd('runyard:give_ups', 'XX', 1, id);
  await round();
  expect(await store.get(id)).toMatchObject({ status: 'failed', resumesAt: null, outcome: { failure: { code: 'authentication_failed' } } });
  expect(await fieldsOf(id, 'give_up', 'gave_up', 'upstream')).toEqual([null, null, null]);
  // It was the probe, and ended without an answer.
  expect(await store.get(later)).toMatchObject({ status: 'queued', dispatch: 2 });
});
