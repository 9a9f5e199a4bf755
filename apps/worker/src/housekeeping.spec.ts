// What a worker does for all runs while it leads, on a real Redis and without an API.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '@runyard/domain';
import type { Outcome } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { Lease, RunRecord } from '@runyard/run-store';
import { redisCommand, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { startHousekeeping } from './housekeeping.js';

vi.setConfig({ testTimeout: 60_000 });

const DONE: Outcome = { status: 'succeeded', failure: null, result: 'done', structured_output: null, usage: null, cost_usd: null, cost_estimated: false, num_turns: 1, duration_ms: 1 };
let redis: TestRedis;
let dir: TemporaryDirectory;
let store: RunStore;
let queue: RunQueue;

beforeAll(async () => {
  redis = await testRedis();
}, 300_000);
afterAll(() => redis?.stop());
beforeEach(async () => {
  await redis.flush();
  dir = await temporaryDirectory();
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: dir.path });
  queue = RunQueue.open({ redis: redis.connection });
});
afterEach(async () => {
  await Promise.all([store.close(), queue.close()]);
  await dir.remove();
});

interface Keeper {
  readonly done: Map<string, number>;
  readonly errors: Map<string, unknown>;
  /** Failure codes of runs that ended without a worker. */
  readonly ended: string[];
}

function keepHouse(workerId = 'wrk_keeper', itsQueue: Pick<RunQueue, 'enqueue'> = queue): Keeper {
  const [done, errors] = [new Map<string, number>(), new Map<string, unknown>()];
  const ended: string[] = [];
  const onDone = (job: string, count: number): void => void done.set(job, (done.get(job) ?? 0) + count);
  const stop = startHousekeeping({ workerId, store, queue: itsQueue, onDone, onEnded: ({ code }) => void ended.push(code), onError: (job, error) => void errors.set(job, error) });
  onTestFinished(stop);
  return { done, errors, ended };
}

async function create(prompt = 'x'): Promise<RunRecord> {
  const answer = await store.create({ request: { prompt }, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  return answer.run;
}

async function claimed(): Promise<Lease> {
  const { id } = await create();
  await store.dispatched({ runId: id, dispatch: 1 });
  const answer = await store.claim({ runId: id, dispatch: 1, workerId: 'wrk_gone' });
  if (answer.kind !== 'claimed') throw new Error(answer.kind);
  return { runId: id, attempt: answer.run.attempt, workerId: 'wrk_gone' };
}

async function isOver(lease: { readonly runId: string }): Promise<void> {
  await redisCommand(redis.connection, 'HSET', `runyard:run:${lease.runId}`, 'lease_until', '1');
  await redisCommand(redis.connection, 'ZADD', 'runyard:leases', 'XX', '1', lease.runId);
}

const waiting = async (): Promise<string[]> => (await queue.waiting(0, 100)).tickets.map(({ runId, dispatch }) => `${runId}.${dispatch}`).toSorted();

test('forgotten tickets, runs of lost workers and runs whose time has come get into the queue', async () => {
  const forgotten = await create();
  const lost = await claimed();
  await isOver(lost);
  const due = await store.create({ request: { prompt: 'x', run_at: new Date(Date.now() + 1000).toISOString() }, trigger: 'api' });
  if (due.kind !== 'created') throw new Error(due.kind);
  const { done } = keepHouse();
  const expected = [`${forgotten.id}.1`, `${lost.runId}.2`, `${due.run.id}.1`].toSorted();
  await waitFor(async () => (await waiting()).join() === expected.join(), { what: 'all three tickets' });
  expect(await store.undispatched(0, 10)).toEqual([]);
  await waitFor(() => done.size === 3, { what: 'the counts' });
  expect(Object.fromEntries(done)).toEqual({ outbox: 1, leases: 1, due: 1 });
});

test('a run that nobody took in time ends, and that is told', async () => {
  const late = await store.create({ request: { prompt: 'x', expires_in_seconds: 1 }, trigger: 'api' });
  if (late.kind !== 'created') throw new Error(late.kind);
  const { ended } = keepHouse();
  await waitFor(async () => (await store.get(late.run.id))?.status === 'failed' && ended.length > 0, { what: 'its end' });
  expect(ended).toEqual(['expired']);
});

test('another worker that leads keeps this one quiet', async () => {
  const first = keepHouse('wrk_first');
  await waitFor(async () => (await redisCommand(redis.connection, 'GET', 'runyard:leader:dispatch')) === 'wrk_first', { what: 'the first to lead' });
  const second = keepHouse('wrk_second');
  for (let i = 0; i < 3; i++) {
    await isOver(await claimed());
    await waitFor(() => first.done.get('leases') === i + 1, { what: 'the work of the leader' });
  }
  expect(Object.fromEntries(second.done)).toEqual({});
});

test('a log that cannot be written does not keep the others from being compacted', async () => {
  const ended = async (events: number, endedMs: number) => {
    const lease = await claimed();
    const lines = Array.from({ length: events }, () => ({ type: 'claude.assistant' as const, data: JSON.stringify({ type: 'assistant', text: randomBytes(1500).toString('hex') }) }));
    await store.finish(lease, DONE, { number: 1, events: lines });
    await redisCommand(redis.connection, 'ZADD', 'runyard:compactions', 'XX', String(endedMs), lease.runId);
    return lease.runId;
  };
  // A large log becomes a file; where its directory should be, there is one already.
  const large = await ended(100, 1);
  await mkdir(join(dir.path, 'runs'));
  await writeFile(join(dir.path, 'runs', large), 'in the way');
  const small = [await ended(1, 2), await ended(1, 3)];
  const { errors } = keepHouse();
  const places = () => Promise.all([large, ...small].map(async (id) => (await store.get(id))?.log));
  await waitFor(async () => (await places()).slice(1).every((log) => log === 'redis') && errors.has('compaction'), { what: 'the others and the error' });
  expect(await places()).toEqual(['stream', 'redis', 'redis']);
  expect(String(errors.get('compaction'))).toMatch(/failed for 1 of \d runs/);
});

test('logs that cannot be compacted come after those that can, however many they are, and are told once', async () => {
  // A part of each is in a file that is not there any more.
  const broken: string[] = [];
  for (let i = 0; i < 60; i++) {
    const { id } = await create();
    await store.cancel(id);
    await redisCommand(redis.connection, 'HSET', `runyard:run:${id}`, 'log_parts', '0-1');
    broken.push(id);
  }
  const { id: fine } = await create();
  await store.cancel(fine);
  for (const [i, id] of [...broken, fine].entries()) await redisCommand(redis.connection, 'ZADD', 'runyard:compactions', 'XX', String(i + 1), id);
  const { errors } = keepHouse();
  // 50 at a time: with the second look all have had their turn.
  await waitFor(async () => (await store.get(fine))?.log === 'redis' && String(errors.get('compaction')).includes('failed for 10 of 11 runs'), { what: 'the one that can, and the end of that look', timeoutMs: 30_000 });
  expect(await store.pendingCompactions(0, 100)).toEqual([]);
  // Their time comes again; there is nothing new to say.
  errors.delete('compaction');
  const before = await redisCommand(redis.connection, 'ZSCORE', 'runyard:compactions', broken[0] ?? '');
  await redisCommand(redis.connection, 'ZADD', 'runyard:compactions', 'XX', '1', broken[0] ?? '');
  await waitFor(async () => Number(await redisCommand(redis.connection, 'ZSCORE', 'runyard:compactions', broken[0] ?? '')) > Number(before) + 60_000, { what: 'its second turn, with a longer wait', timeoutMs: 30_000 });
  expect(errors.has('compaction')).toBe(false);
});

test('directories of forgotten runs are removed, whatever else fails', async () => {
  await store.staleFiles.remove(1);
  const day = new Date(Date.now() - 86_400_000);
  await utimes(join(dir.path, 'installation'), day, day);
  const gone = join(dir.path, 'runs', newId('run'));
  await mkdir(gone, { recursive: true });
  const hours = new Date(Date.now() - 7_200_000);
  await utimes(gone, hours, hours);
  await create();
  const { done, errors } = keepHouse('wrk_keeper', { enqueue: () => Promise.reject(new Error('no queue')) });
  await waitFor(async () => (await readdir(join(dir.path, 'runs'))).length === 0 && errors.has('outbox'), { what: 'the directory to go' });
  await waitFor(() => done.get('files') === 1, { what: 'the count' });
});
