// What API processes put right without being asked and without a worker, one of them at a time.
import { RunConsumer, RunQueue } from '@runyard/run-queue';
import type { RunRecord } from '@runyard/run-store';
import { httpCall, redisCommand, waitFor } from '@runyard/testing';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { apiProcesses } from '../api-processes.fixture.js';

vi.setConfig({ testTimeout: 120_000 });

const stand = apiProcesses();
let queue: RunQueue;

beforeAll(() => void (queue = RunQueue.open({ redis: stand.redis.connection })));
afterAll(() => queue?.close());
beforeEach(() => stand.redis.flush());

interface Replica {
  readonly metricsUrl: string;
  kill(signal: NodeJS.Signals): Promise<unknown>;
}

/** An API process that listens. */
async function replica(): Promise<Replica> {
  const api = stand.start({ RUNYARD_METRICS_PORT: '0', RUNYARD_API_KEY: 'key-for-the-housekeeping-spec' });
  const { metrics } = await api.logged('API listening');
  return { metricsUrl: String(metrics), kill: api.end };
}

const leader = (family: string) => redisCommand(stand.redis.connection, 'GET', `runyard:leader:${family}`) as Promise<string | null>;
const leaders = (): Promise<unknown> => waitFor(async () => (await leader('dispatch')) !== null && (await leader('tickets')) !== null, { what: 'leaders' });

async function create(): Promise<RunRecord> {
  const answer = await stand.store.create({ request: { prompt: 'x' }, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  return answer.run;
}

/** A queued run with its ticket. */
async function ticketed(): Promise<RunRecord> {
  const run = await create();
  await queue.enqueue({ runId: run.id, dispatch: 1 });
  await stand.store.dispatched({ runId: run.id, dispatch: 1 });
  return run;
}

/** A run whose worker was not heard of for a minute. */
async function lost(): Promise<RunRecord> {
  const run = await create();
  await stand.store.dispatched({ runId: run.id, dispatch: 1 });
  const answer = await stand.store.claim({ runId: run.id, dispatch: 1, workerId: 'wrk_gone' });
  if (answer.kind !== 'claimed') throw new Error(answer.kind);
  await redisCommand(stand.redis.connection, 'HSET', `runyard:run:${run.id}`, 'lease_until', '1');
  await redisCommand(stand.redis.connection, 'ZADD', 'runyard:leases', 'XX', '1', run.id);
  return run;
}

const hasTicket = async ({ id }: RunRecord, dispatch: number) => (await queue.withoutTicket([{ runId: id, dispatch }])).length === 0;
const backInQueue = (run: RunRecord) =>
  waitFor(async () => (await stand.store.get(run.id))?.status === 'queued' && (await hasTicket(run, 2)), { what: `a new ticket for ${run.id}` });

async function waiting(): Promise<string[]> {
  return (await queue.waiting(0, 100)).tickets.map(({ runId, dispatch }) => `${runId}.${dispatch}`).toSorted();
}

const counted = async ({ metricsUrl }: Replica, job: string): Promise<number> => {
  const { text } = await httpCall(metricsUrl, '/metrics');
  const line = text.split('\n').find((one) => one.startsWith('runyard_reconciled_total{') && one.includes(`job="${job}"`));
  return Number(line?.split(' ').at(-1) ?? 0);
};

test('the run of a lost worker is back in the queue though no worker is there, and it is counted', async () => {
  const api = await replica();
  const run = await lost();
  await backInQueue(run);
  await waitFor(async () => (await counted(api, 'leases')) === 1, { what: 'the count' });
});

test('of two processes one leads; killed, the other does its work; stopped, it leaves the lead at once', async () => {
  const first = await replica();
  await leaders();
  const idOfFirst = await leader('dispatch'); // there is no other yet
  const second = await replica();
  const early = await lost();
  await backInQueue(early);
  // The one that did it leads. After a stall that may be the second.
  const { leads, other } = await waitFor(async () => {
    const counts = await Promise.all([counted(first, 'leases'), counted(second, 'leases')]);
    if (counts.toSorted().join() !== '0,1') return undefined;
    return counts[0] === 1 ? { leads: first, other: second } : { leads: second, other: first };
  }, { what: 'the count of one of them' });
  await leads.kill('SIGKILL');
  const late = await lost();
  await backInQueue(late);
  await waitFor(async () => (await counted(other, 'leases')) === 1, { what: 'the count of the other' });
  const isOthers = (id: string | null): boolean => id !== null && (id === idOfFirst) === (other === first);
  await waitFor(async () => isOthers(await leader('dispatch')) && isOthers(await leader('tickets')), { what: 'the other to lead both' });
  await other.kill('SIGTERM');
  expect([await leader('dispatch'), await leader('tickets')]).toEqual([null, null]);
});

test('a queued run whose ticket is completed, failed or removed gets it again', async () => {
  const runs = [await ticketed(), await ticketed(), await ticketed()];
  const [completed, failed, removed] = runs.map(({ id }) => id);
  let seen = 0;
  // A consumer that knows nothing of runs: as if somebody had completed and failed tickets by hand.
  const consumer = RunConsumer.open({
    redis: stand.redis.connection,
    capacity: 1,
    handle: async ({ runId }) => {
      seen++;
      if (runId === failed) throw new Error('by hand');
    },
  });
  await queue.withdraw({ runId: removed ?? '', dispatch: 1 });
  await waitFor(() => seen === 2, { what: 'both tickets' });
  await consumer.close({});
  expect(await waiting()).toEqual([]);
  await replica();
  await waitFor(async () => (await waiting()).length === 3, { what: 'the tickets' });
  expect(await waiting()).toEqual([completed, failed, removed].map((id) => `${id}.1`).toSorted());
  for (const { id } of runs) expect(await stand.store.get(id)).toMatchObject({ status: 'queued', dispatch: 1 });
});

test('tickets of runs that are over or gone and of earlier dispatches are removed; others stay, also one that a worker has', async () => {
  const [held, over, forgotten, running, current] = [await ticketed(), await ticketed(), await ticketed(), await ticketed(), await ticketed()];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let taken = '';
  const consumer = RunConsumer.open({ redis: stand.redis.connection, capacity: 1, handle: ({ runId }) => ((taken = runId), released) });
  onTestFinished(() => consumer.close({ force: true }));
  await waitFor(() => taken === held.id, { what: 'the ticket' });
  for (const { id } of [held, over, forgotten]) await stand.store.cancel(id);
  await stand.store.delete(forgotten.id);
  await stand.store.claim({ runId: running.id, dispatch: 1, workerId: 'wrk_busy' });
  await queue.enqueue({ runId: current.id, dispatch: 7, delayMs: 600_000 });
  const api = await replica();
  await waitFor(async () => (await waiting()).join() === `${current.id}.1`, { what: 'the sweep' });
  await waitFor(async () => (await counted(api, 'tickets_removed')) === 4, { what: 'the count' });
  expect(await hasTicket(held, 1)).toBe(true);
  release();
});
