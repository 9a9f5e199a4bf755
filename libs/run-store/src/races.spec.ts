// Everybody at once: workers, zombies, users, time and reconcilers on the same runs. Each run ends once, and its session goes on.
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunStore } from './index.js';
import type { Dispatch, Lease } from './index.js';
import { created, FAILED, logOf, message, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

const RUNS = 150;

let redis: Redis;
let stores: readonly RunStore[];

onStoreStand((stand) => ({ redis, stores } = stand), { stores: 4 });

const ACTS = ['claim', 'claim', 'spawn', 'append', 'park', 'park timed', 'hand over', 'raise', 'finish', 'finish', 'finish', 'requeue', 'lose', 'cancel', 'resume', 'restart', 'abandon', 'advance', 'pass on'] as const;
type Act = (typeof ACTS)[number];

/** The lease is over, if there is one. */
const EXPIRE = "if redis.call('HEXISTS', KEYS[1], 'lease_until') == 1 then redis.call('HSET', KEYS[1], 'lease_until', '1') end";

/** What one of the four does next with what it last saw of the run: it may be out of date. */
async function act(store: RunStore, id: string, what: Act): Promise<void> {
  const seen = await store.get(id);
  if (seen === undefined) return;
  const lease: Lease = { runId: id, attempt: seen.attempt, workerId: seen.workerId ?? 'wrk_none' };
  const dispatch: Dispatch = { runId: id, dispatch: seen.dispatch };
  const flush = { number: seen.seq, events: [message('last')] };
  switch (what) {
    case 'claim':
      return void (await store.claim({ ...dispatch, workerId: 'wrk_a' }));
    case 'spawn':
      return void (await store.noteSpawn(lease));
    case 'append':
      // Flush numbers come from what was seen: one that is too old is a defect of this worker, not of the store.
      return void (await store.append(lease, flush.number, flush.events).catch((error: unknown) => expect(String(error)).toMatch(/came after flush/)));
    case 'park':
      return void (await store.park(lease, { waitingFor: 'recovery', left: 'recovery', detail: 'x' }));
    case 'park timed':
      return void (await store.park(lease, { waitingFor: 'quota', left: 'quota', detail: 'x', resumesAtMs: 1 }));
    case 'hand over':
      return void (await store.handOver(lease));
    case 'raise':
      return void (await store.raiseAttempt(lease, seen.attempt + 1));
    case 'finish':
      return void (await store.finish(lease, seen.seq % 2 === 0 ? SUCCEEDED : FAILED));
    case 'requeue':
      return void (await store.requeue(lease, 'lease_lost'));
    case 'lose':
      await redis.eval(EXPIRE, 1, `runyard:run:${id}`);
      return void (await store.redispatchLost(id));
    case 'cancel':
      return void (await store.cancel(id));
    case 'resume':
    case 'restart':
    case 'abandon':
      return void (await store.recover(id, what));
    case 'advance':
      return void (await store.queued.advance(100));
    case 'pass on':
      return void (await store.passOn(id, seen.dispatch));
  }
}

async function expectEndedOnce(store: RunStore, id: string): Promise<void> {
  const { events, end } = await logOf(store, id, { limit: 100 });
  expect(end).toBe(true);
  expect(events.filter(({ type }) => type === 'run.finished').map((event) => event.id)).toEqual([events.at(-1)?.id]);
  expect(events.map((event) => Number(event.id.split('-')[1]))).toEqual(events.map((_, i) => i + 1));
  const attempts = events.map((event) => Number(event.id.split('-')[0]));
  expect(attempts).toEqual(attempts.toSorted((a, b) => a - b));
  const run = await store.get(id);
  expect(run).toMatchObject({ seq: events.length, leaseUntilMs: null, waitingFor: null, resumesAt: null, held: false });
  expect(JSON.parse(events.at(-1)?.data.toString() ?? '')).toEqual(run?.outcome);
  for (const set of ['leases', 'waits', 'backlog', 'due', 'expiries']) expect([set, await redis.zscore(`runyard:${set}`, id)]).toEqual([set, null]);
  expect((await store.undispatched(0, 1000)).filter(({ runId }) => runId === id)).toEqual([]);
}

test(`${RUNS} runs under four hands end exactly once, however they meet`, async () => {
  const ends = new Map<string, number>();
  const one = fc.array(fc.constantFrom(...ACTS), { minLength: 3, maxLength: 12, size: 'max' });
  await fc.assert(
    fc.asyncProperty(fc.tuple(one, one, one, one), async (scripts) => {
      const [store] = stores as [RunStore];
      const { id, sessionId } = await created(store);
      const behind = await created(store, { prompt: 'next', session_id: sessionId });
      await Promise.all(scripts.map(async (acts, i) => {
        for (const what of acts) await act(stores[i] ?? store, id, what);
      }));
      await Promise.all(stores.map(async (each) => act(each, id, 'cancel')));
      await act(store, id, 'finish');
      await expectEndedOnce(store, id);
      const { status = '', attempt = 0 } = (await store.get(id)) ?? {};
      for (const key of [status, attempt > 1 ? 'several attempts' : '']) ends.set(key, (ends.get(key) ?? 0) + 1);
      expect(await store.get(behind.id)).toMatchObject({ status: 'queued', dispatch: 1, queuedReason: 'capacity' });
      await store.cancel(behind.id);
    }),
    { numRuns: RUNS },
  );
  for (const kind of ['succeeded', 'failed', 'canceled', 'several attempts']) expect([kind, (ends.get(kind) ?? 0) > 3]).toEqual([kind, true]);
}, 300_000);
