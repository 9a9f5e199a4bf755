// A worker that is asked to take no more, and a queue that gives none: what runs goes on, what waits is taken later or elsewhere.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateRun } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { httpCall, redisCommand, startDemoModel, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TestDemoModel, TestRedis, TestWorker } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000 });

let redis: TestRedis;
let model: TestDemoModel;
let store: RunStore;
let queue: RunQueue;
let environment: Record<string, string> = {};
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const directory = await temporaryDirectory();
  cleanUp.push(() => directory.remove());
  await mkdir(join(directory.path, 'home'));
  redis = await testRedis();
  cleanUp.push(() => redis.stop());
  model = await startDemoModel();
  cleanUp.push(() => model.stop());
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: join(directory.path, 'data') });
  queue = RunQueue.open({ redis: redis.connection });
  cleanUp.push(() => Promise.all([store.close(), queue.close()]));
  environment = {
    HOME: join(directory.path, 'home'),
    REDIS_URL: redis.url,
    RUNYARD_DATA_DIR: join(directory.path, 'data'),
    RUNYARD_CAPACITY: '1',
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'sk-test-0123456789abcdef',
  };
}, 600_000);

afterAll(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
});

async function work(): Promise<TestWorker & { readonly id: string }> {
  const worker = startWorker(environment);
  onTestFinished(async () => void (await worker.stop()));
  return { ...worker, id: String((await worker.logged('worker ready'))['worker_id']) };
}

async function submit(request: CreateRun): Promise<RunRecord> {
  const answer = await store.create({ request, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  if (answer.dispatch !== null) await queue.enqueue({ runId: answer.run.id, dispatch: answer.dispatch, priority: answer.run.priority });
  return answer.run;
}

const until = (what: string, { id }: RunRecord, fits: (run: RunRecord) => boolean): Promise<RunRecord> =>
  waitFor(async () => { const run = await store.get(id); return run && fits(run) && run; }, { what, timeoutMs: 120_000 });
const over = (run: RunRecord) => until(`the end of ${run.id}`, run, ({ outcome }) => outcome !== null);

test('a worker that is asked to drain finishes what it has, takes no more and stays up', async () => {
  const first = await work();
  const long = await until('the start', await submit({ prompt: '[[slow n=120 delay=50]]' }), ({ status }) => status === 'running');
  expect(long.workerId).toBe(first.id);
  const next = await submit({ prompt: 'hello' });
  expect(await store.drainWorker(first.id)).toBe(true);
  await first.logged('asked to drain: no more runs are taken');
  expect((await over(long)).outcome?.status).toBe('succeeded');
  await waitFor(async () => (await store.workers()).find(({ id, busy, state }) => id === first.id && busy === 0 && state === 'draining'), { what: 'an idle worker that drains' });
  expect((await store.get(next.id))?.status).toBe('queued');
  const url = await first.url();
  expect([(await httpCall(url, '/livez')).status, (await httpCall(url, '/readyz')).status]).toEqual([200, 503]);
  const second = await work();
  expect(await over(next)).toMatchObject({ workerId: second.id, outcome: { status: 'succeeded' } });
  expect(first.log.filter(({ msg }) => msg === 'run claimed')).toHaveLength(1);
});

test('a worker whose subscription was cut hears of it all the same', async () => {
  const worker = await work();
  // As if the signal had been lost: only the mark is there.
  await redisCommand(redis.connection, 'SET', `runyard:worker:${worker.id}:drain`, '1', 'EX', '600');
  await worker.logged('asked to drain: no more runs are taken');
});

test('a paused queue gives nothing; resumed, the higher priority goes first, and a time that has come is kept', async () => {
  await queue.pause();
  const worker = await work();
  const low = await submit({ prompt: 'low', priority: -5 });
  const high = await submit({ prompt: 'high', priority: 5 });
  const timed = await submit({ prompt: 'timed', priority: 10, run_at: new Date(Date.now() + 500).toISOString() });
  // The worker's own housekeeping makes its dispatch.
  await until('its dispatch', timed, ({ dispatch }) => dispatch === 1);
  expect((await store.queued.backlog()).depth).toBe(3);
  expect(worker.log.some(({ msg }) => msg === 'run claimed')).toBe(false);
  await waitFor(async () => (await queue.depth()) === 3, { what: 'three tickets' });
  await queue.resume();
  const runs = await Promise.all([timed, high, low].map(over));
  const starts = runs.map(({ startedAt }) => startedAt ?? '');
  expect(starts).toEqual(starts.toSorted());
  expect(runs.map(({ attempt, outcome }) => [attempt, outcome?.status])).toEqual([[1, 'succeeded'], [1, 'succeeded'], [1, 'succeeded']]);
});
