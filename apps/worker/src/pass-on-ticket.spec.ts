// Workers of several versions at one queue, on a real Redis: a run goes round until one understands it, and not for ever.
import { RunConsumer, RunQueue } from '@runyard/run-queue';
import type { Ticket } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { createLogger, Metrics, RunMetrics } from '@runyard/telemetry';
import { redisCommand, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { delayOf, passOnTicket } from './pass-on-ticket.js';
import { untilAnswered } from './until-answered.js';

vi.setConfig({ testTimeout: 180_000 });

let redis: TestRedis;
let dir: TemporaryDirectory;
let store: RunStore;
let queue: RunQueue;

beforeAll(async () => {
  [redis, dir] = await Promise.all([testRedis(), temporaryDirectory()]);
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: dir.path });
  queue = RunQueue.open({ redis: redis.connection });
}, 300_000);
afterAll(async () => {
  await Promise.all([store?.close(), queue?.close()]);
  await redis?.stop();
  await dir?.remove();
});
beforeEach(() => redis.flush());

function worker() {
  const metrics = new Metrics({ process: 'worker', version: '1' });
  const parts = { store, queue, metrics: new RunMetrics(metrics), log: createLogger({ name: 'worker', level: 'silent' }) };
  const count = async (name: string): Promise<number> => Number(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, 'm').exec(await metrics.text())?.[1] ?? 0);
  return { parts, count };
}

async function create(v = 1): Promise<RunRecord> {
  const answer = await store.create({ request: { prompt: 'x' }, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  await queue.enqueue({ runId: answer.run.id, dispatch: 1, v });
  await store.dispatched({ runId: answer.run.id, dispatch: 1 });
  return answer.run;
}

/** The ticket that the run has in the queue, whether or not its delay is over. */
const ticketOf = async ({ id }: RunRecord): Promise<Ticket | undefined> => (await queue.waiting(0, 1000)).tickets.find(({ runId }) => runId === id);

/** Nobody waits for delays in a spec. */
async function hasten(): Promise<void> {
  const ids = (await redisCommand(redis.connection, 'ZRANGE', 'runyard:bull:runs:delayed', '0', '-1')) as string[];
  for (const id of ids) await redisCommand(redis.connection, 'ZADD', 'runyard:bull:runs:delayed', 'XX', '1', id);
  // Wakes a worker, which would otherwise look after 5 to 10 s.
  if (ids.length > 0) await redisCommand(redis.connection, 'ZADD', 'runyard:bull:runs:marker', '0', '0');
}

test('a newer ticket is handed on under a new dispatch, delayed and with its version; the old one has no effect', async () => {
  const { parts, count } = worker();
  const run = await create(2);
  await passOnTicket({ v: 2, runId: run.id, dispatch: 1 }, parts);
  expect(await store.get(run.id)).toMatchObject({ status: 'queued', dispatch: 2, attempt: 0 });
  expect(await redisCommand(redis.connection, 'ZCARD', 'runyard:bull:runs:delayed')).toBe(1);
  expect((await queue.waiting(0, 10)).tickets).toEqual(expect.arrayContaining([{ v: 2, runId: run.id, dispatch: 2 }]));
  expect(await store.undispatched(0, 10)).toEqual([]);
  expect(await store.claim({ runId: run.id, dispatch: 1, workerId: 'wrk_new' })).toEqual({ kind: 'stale' });
  expect(await store.claim({ runId: run.id, dispatch: 2, workerId: 'wrk_new' })).toMatchObject({ kind: 'claimed', previousAttempts: 0 });
  expect([await count('runyard_tickets_passed_on_total'), await count('runyard_stale_tickets_total')]).toEqual([1, 0]);
});

test('the rounds of a run outlast an update of the workers', () => {
  const delays = Array.from({ length: 20 }, (_, index) => delayOf(index + 1));
  expect(delays.slice(0, 3)).toEqual([5_000, 10_000, 20_000]);
  expect(delays.toSorted((one, two) => one - two)).toEqual(delays);
  expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(40 * 60_000);
});

test('a ticket whose run is not queued any more is dropped', async () => {
  const { parts, count } = worker();
  const run = await create(2);
  await store.cancel(run.id);
  await passOnTicket({ v: 2, runId: run.id, dispatch: 1 }, parts);
  await passOnTicket({ v: 2, runId: 'nonsense', dispatch: 1 }, parts);
  expect(await store.get(run.id)).toMatchObject({ status: 'canceled', dispatch: 1 });
  expect([await count('runyard_tickets_passed_on_total'), await count('runyard_stale_tickets_total')]).toEqual([0, 2]);
});

test('a ticket that cannot be sent stays in the outbox', async () => {
  const { parts } = worker();
  const run = await create(2);
  const elsewhere = RunQueue.open({ redis: { path: `${dir.path}/no-server` } });
  onTestFinished(() => elsewhere.close());
  await passOnTicket({ v: 2, runId: run.id, dispatch: 1 }, { ...parts, queue: elsewhere });
  expect(await store.undispatched(0, 10)).toEqual([{ runId: run.id, dispatch: 2 }]);
});

test('nobody understands it: after 20 rounds it fails and says so, and the next of its session has its turn', async () => {
  const { parts, count } = worker();
  const run = await create(2);
  const next = await store.create({ request: { prompt: 'next', session_id: run.sessionId }, trigger: 'api' });
  if (next.kind !== 'created') throw new Error(next.kind);
  for (let dispatch = 1; dispatch <= 20; dispatch++) await passOnTicket({ v: 2, runId: run.id, dispatch }, parts);
  expect((await store.get(run.id))?.status).toBe('queued');
  await passOnTicket({ v: 2, runId: run.id, dispatch: 21 }, parts);
  expect(await store.get(run.id)).toMatchObject({ status: 'failed', outcome: { failure: { code: 'internal' } } });
  expect(await ticketOf(next.run)).toEqual({ v: 1, runId: next.run.id, dispatch: 1 });
  expect([await count('runyard_tickets_passed_on_total'), await count('runyard_runs_total')]).toEqual([20, 1]);
});

interface Version {
  /** Of tickets and records. */
  readonly understands: number;
  readonly performed: string[];
}

/** A worker that understands what is not newer than it, and does what it understands at once. */
function work({ understands, performed }: Version): RunConsumer {
  const { parts } = worker();
  const handle = async (ticket: Ticket): Promise<void> => {
    // What the store of that version would answer: this one knows only its own.
    const record = ticket.v > understands ? undefined : await untilAnswered(() => store.claim({ ...ticket, workerId: `wrk_${understands}` }), () => undefined);
    if (record === undefined || record.kind === 'newer') return passOnTicket(ticket, parts);
    if (record.kind !== 'claimed') return undefined;
    performed.push(ticket.runId);
    await store.finish({ runId: ticket.runId, attempt: record.run.attempt, workerId: `wrk_${understands}` }, { status: 'succeeded', failure: null, result: 'done', structured_output: null, usage: null, cost_usd: null, cost_estimated: false, num_turns: 1, duration_ms: 1 });
    return undefined;
  };
  const consumer = RunConsumer.open({ redis: redis.connection, capacity: 1, handle });
  onTestFinished(() => consumer.close({ force: true }));
  return consumer;
}

test('old and new workers mixed: each run is performed once, newer ones only by the new, none is lost', async () => {
  const [old, current]: [Version, Version] = [{ understands: 1, performed: [] }, { understands: 2, performed: [] }];
  const runs = await Promise.all(Array.from({ length: 30 }, (_, i) => create(1 + (i % 2))));
  const newer = runs.filter((_, i) => i % 2 === 1);
  const oldWorker = work(old);
  // The old worker is alone until it has met newer runs, so that some really go round.
  await waitFor(async () => ((await redisCommand(redis.connection, 'ZCARD', 'runyard:bull:runs:delayed')) as number) > 2, { what: 'runs that were passed on' });
  work(current);
  const dispatchesOf = () => Promise.all(newer.map(async ({ id }) => (await store.get(id))?.dispatch ?? 0));
  await waitFor(async () => {
    await hasten();
    // Who takes a ticket is chance, here without the delays that end an update: none may meet the old one 20 times.
    if (Math.max(...(await dispatchesOf())) > 10) await oldWorker.pause();
    return (await store.counts()).succeeded === runs.length;
  }, { what: 'the end of all runs', timeoutMs: 100_000 });
  expect([...old.performed, ...current.performed].toSorted()).toEqual(runs.map(({ id }) => id).toSorted());
  for (const { id } of newer) expect(old.performed).not.toContain(id);
  const dispatches = await dispatchesOf();
  expect(Math.max(...dispatches)).toBeGreaterThan(1);
  expect(Math.max(...dispatches)).toBeLessThanOrEqual(21);
});

test('a record that is newer than its ticket is handed on, too', async () => {
  const { parts } = worker();
  const run = await create(1);
  await redisCommand(redis.connection, 'HSET', `runyard:run:${run.id}`, 'v', '2');
  expect(await store.claim({ runId: run.id, dispatch: 1, workerId: 'wrk_old' })).toEqual({ kind: 'newer' });
  await passOnTicket({ v: 1, runId: run.id, dispatch: 1 }, parts);
  expect((await queue.waiting(0, 10)).tickets).toEqual(expect.arrayContaining([{ v: 1, runId: run.id, dispatch: 2 }]));
  expect(await store.get(run.id)).toMatchObject({ status: 'queued', attempt: 0 });
});
