// Runs of one credential under many hands while its service fails and recovers: nobody is lost, nobody waits for ever, each ends once.
import { waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunStore } from '../index.js';
import type { Lease, RunRecord } from '../index.js';
import { created, expireLease, logOf, SUCCEEDED } from '../store.fixture.js';
import { onStoreStand } from '../store-stand.fixture.js';

const KEY = 'ab12cd34ef56ab12cd34ef56';
const NEW_KEY = '00112233445566778899aabb';
const STORIES = 40;
const RUNS = 5;

let server: TestRedis;
let redis: Redis;
let stores: readonly RunStore[];

onStoreStand((stand) => ({ server, redis, stores } = stand), { stores: 3 });

const ACTS = [
  'claim', 'claim', 'claim', 'claim with a new key', 'meet trouble', 'meet trouble', 'report', 'park', 'finish', 'lose', 'requeue', 'cancel', 'succeed', 'advance', 'advance', 'time passes', 'give up', 'give up', 'forget the breaker',
] as const;
type Act = (typeof ACTS)[number];

/** What one of the hands does with what it saw of the run: it may be out of date. */
async function act(store: RunStore, id: string, what: Act): Promise<unknown> {
  const seen = await store.get(id);
  if (seen === undefined) return undefined;
  const lease: Lease = { runId: id, attempt: seen.attempt, workerId: seen.workerId ?? 'wrk_none' };
  const claim = (credential: string) => store.claim({ runId: id, dispatch: seen.dispatch, workerId: 'wrk_a', credential, giveUpAfterMs: 3_600_000 });
  const park = () => store.park(lease, { waitingFor: 'quota', left: 'quota', detail: 'Later.', credential: KEY, failureCode: 'rate_limited', giveUpAfterMs: 3_600_000 });
  const report = () => store.upstream.report(KEY, { kind: 'quota', code: 'rate_limited', message: 'Later.' }, id);
  switch (what) {
    case 'claim':
      return claim(KEY);
    case 'claim with a new key':
      return claim(NEW_KEY);
    case 'meet trouble':
      if (seen.status !== 'running') return undefined;
      await report();
      return park();
    case 'report':
      return report();
    case 'park':
      return park();
    case 'finish':
      return store.finish(lease, SUCCEEDED);
    case 'lose':
      if (seen.status === 'running') await expireLease(redis, lease);
      return store.redispatchLost(id);
    case 'requeue':
      return store.requeue(lease, 'lease_lost');
    case 'cancel':
      return store.cancel(id);
    case 'succeed':
      return store.upstream.succeeded(KEY, id);
    case 'advance':
      return store.queued.advance(100);
    case 'time passes':
      await redis.hdel(`runyard:upstream:${KEY}`, 'ramp_at');
      if ((await redis.hexists(`runyard:upstream:${KEY}`, 'until')) === 1) await redis.hset(`runyard:upstream:${KEY}`, 'until', 1);
      if ((await redis.hexists(`runyard:upstream:${KEY}`, 'probe_until')) === 1) await redis.hset(`runyard:upstream:${KEY}`, 'probe_until', 1);
      return undefined;
    case 'give up':
      await redis.zadd('runyard:give_ups', 'XX', 1, id);
      return store.queued.advance(100);
    case 'forget the breaker':
      return redis.del(`runyard:upstream:${KEY}`);
  }
}

/** The last word of the log is the state of the record, and the sets hold what they should. */
async function expectConsistent(store: RunStore, id: string): Promise<RunRecord> {
  const run = await store.get(id);
  if (run === undefined) throw new Error(`${id} is gone`);
  const { events } = await logOf(store, id, { limit: 100 });
  const last = { queued: 'run.queued', running: 'run.started', waiting: 'run.waiting', succeeded: 'run.finished', failed: 'run.finished', canceled: 'run.finished' }[run.status];
  const told = events.findLast(({ type }) => type.startsWith('run.'));
  expect([run.status, told?.type]).toEqual([run.status, last]);
  expect(events.filter(({ type }) => type === 'run.finished').length).toBe(run.outcome === null ? 0 : 1);
  const isWaiting = run.status === 'waiting';
  expect((await redis.zscore(`runyard:waits:${KEY}`, id)) !== null).toBe(isWaiting);
  expect((await redis.zscore('runyard:give_ups', id)) !== null).toBe(isWaiting);
  expect(await redis.hexists(`runyard:run:${id}`, 'upstream')).toBe(isWaiting ? 1 : 0);
  expect([run.waitingFor, run.waitingDetail]).toEqual(isWaiting ? ['quota', expect.stringMatching(/^Later\.$|waited longer go first/)] : [null, null]);
  if (!isWaiting) expect(run.resumesAt).toBeNull();
  return run;
}

test('whatever happens, every run ends once, and when the service works again all get their turn', async () => {
  const seen = new Map<string, number>();
  const story = fc.array(fc.tuple(fc.nat(RUNS - 1), fc.constantFrom(...ACTS)), { minLength: 5, maxLength: 30, size: 'max' });
  await fc.assert(
    fc.asyncProperty(fc.tuple(story, story, story), async (stories) => {
      await server.flush();
      const [store] = stores as [RunStore];
      const ids: string[] = [];
      for (let n = 0; n < RUNS; n++) ids.push((await created(store)).id);
      await Promise.all(stories.map(async (acts, hand) => {
        for (const [n, what] of acts) await act(stores[hand] ?? store, ids[n] ?? '', what);
      }));
      for (const id of ids) {
        const { status } = await expectConsistent(store, id);
        seen.set(status, (seen.get(status) ?? 0) + 1);
      }
      // From now on the service answers, and time passes.
      await waitFor(async () => {
        await act(store, ids[0] ?? '', 'time passes');
        await store.queued.advance(100);
        for (const id of ids) {
          if ((await store.get(id))?.status === 'running') await act(store, id, 'finish');
          const answer = (await act(store, id, 'claim')) as { kind: string };
          if (answer.kind !== 'claimed') continue;
          await act(store, id, 'succeed');
          await act(store, id, 'finish');
        }
        const { queued, running, waiting } = await store.counts();
        return queued + running + waiting === 0;
      }, { what: 'the end of all runs' });
      for (const id of ids) expect((await expectConsistent(store, id)).outcome).not.toBeNull();
      expect(await redis.exists(`runyard:waits:${KEY}`, 'runyard:give_ups', 'runyard:backlog', 'runyard:outbox', 'runyard:leases')).toBe(0);
    }),
    { numRuns: STORIES, endOnFailure: true },
  );
  // Otherwise the stories were too tame.
  for (const status of ['queued', 'running', 'waiting', 'succeeded', 'failed', 'canceled']) expect([status, seen.get(status) ?? 0]).toEqual([status, expect.toSatisfy((n: number) => n > 0)]);
}, 120_000);
