// The metrics of a real worker after real runs: each fact once.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateRun } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { httpCall, startDemoModel, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TestDemoModel, TestRedis, TestWorker } from '@runyard/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000 });

let redis: TestRedis;
let model: TestDemoModel;
let store: RunStore;
let queue: RunQueue;
let worker: TestWorker;
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const directory = await temporaryDirectory();
  cleanUp.push(() => directory.remove());
  const base = directory.path;
  await mkdir(join(base, 'home'));
  redis = await testRedis();
  cleanUp.push(() => redis.stop());
  model = await startDemoModel();
  cleanUp.push(() => model.stop());
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: join(base, 'data') });
  queue = RunQueue.open({ redis: redis.connection });
  cleanUp.push(() => Promise.all([store.close(), queue.close()]));
  worker = startWorker({
    HOME: join(base, 'home'),
    REDIS_URL: redis.url,
    RUNYARD_DATA_DIR: join(base, 'data'),
    RUNYARD_CAPACITY: '3',
    RUNYARD_CLAUDE_MAX_RETRIES: '0',
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'sk-test-0123456789abcdef',
  });
  cleanUp.push(() => worker.stop());
  await worker.logged('worker ready');
}, 600_000);

afterAll(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
});

async function submit(request: CreateRun): Promise<RunRecord> {
  const answer = await store.create({ request, trigger: 'cli' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  await queue.enqueue({ runId: answer.run.id, dispatch: answer.dispatch ?? 0 });
  return answer.run;
}

async function perform(request: CreateRun): Promise<RunRecord> {
  const { id } = await submit(request);
  return waitFor(
    async () => {
      const run = await store.get(id);
      return run?.outcome ? run : undefined;
    },
    { what: `the end of ${id}`, timeoutMs: 120_000 },
  );
}

const text = async (): Promise<string> => (await httpCall(await worker.url(), '/metrics')).text;

/** The sum over the series with this name and these labels. */
async function sumOf(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const lines = (await text()).split('\n').filter((line) => line.startsWith(`${name}{`));
  const wanted = lines.filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)));
  return wanted.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('a worker that has done nothing yet tells what it could do', async () => {
  expect(await text()).toMatch(/^runyard_build_info\{.*process="worker".*\} 1$/m);
  expect([await sumOf('runyard_worker_slots', { state: 'free' }), await sumOf('runyard_worker_slots', { state: 'busy' }), await sumOf('runyard_runs_active')]).toEqual([3, 0, 0]);
});

test('runs, their tools, tokens and price are counted once each, as the records have them', async () => {
  const made = await perform({ prompt: '[[edit path=made.md]]' });
  const failed = await perform({ prompt: '[[status status=529 fail=50]]' });
  expect([made.outcome?.status, failed.outcome?.failure?.code]).toEqual(['succeeded', 'overloaded']);
  await waitFor(async () => (await sumOf('runyard_runs_total')) === 2, { what: 'both runs to be counted' });
  expect(await sumOf('runyard_runs_total', { status: 'succeeded', reason: '', trigger: 'cli' })).toBe(1);
  expect(await sumOf('runyard_runs_total', { status: 'failed', reason: 'overloaded', trigger: 'cli' })).toBe(1);
  expect(await sumOf('runyard_run_duration_seconds_count')).toBe(2);
  expect(await sumOf('runyard_run_queue_wait_seconds_count')).toBe(2);
  for (const tool of ['Write', 'Read', 'Edit', 'Bash']) expect([tool, await sumOf('runyard_tool_calls_total', { tool })]).toEqual([tool, 1]);
  const usage = made.outcome?.usage;
  const spent = (type: string): Promise<number> => sumOf('runyard_tokens_total', { type, ...(made.model === null ? {} : { model: made.model }) });
  expect(await spent('output')).toBe((usage?.output_tokens ?? Number.NaN) + (failed.outcome?.usage?.output_tokens ?? 0));
  expect(await spent('input')).toBe((usage?.input_tokens ?? Number.NaN) + (failed.outcome?.usage?.input_tokens ?? 0));
  expect(await sumOf('runyard_cost_usd_total')).toBeCloseTo((made.outcome?.cost_usd ?? Number.NaN) + (failed.outcome?.cost_usd ?? 0), 9);
  expect(await text()).not.toMatch(/run_[0-9a-z]{26}|made\.md/);
});

test('a run under way takes a place, and is counted as canceled by its worker', async () => {
  const { id } = await submit({ prompt: '[[slow n=200 delay=200]]' });
  await waitFor(async () => (await sumOf('runyard_runs_active')) === 1, { what: 'the run to be active', timeoutMs: 60_000 });
  expect([await sumOf('runyard_worker_slots', { state: 'busy' }), await sumOf('runyard_worker_slots', { state: 'free' })]).toEqual([1, 2]);
  expect((await store.cancel(id)).kind).toBe('requested');
  await waitFor(async () => (await sumOf('runyard_runs_total', { status: 'canceled' })) === 1, { what: 'the cancel to count', timeoutMs: 60_000 });
  await waitFor(async () => (await sumOf('runyard_runs_active')) === 0, { what: 'the place to be free' });
});

test('a ticket that comes again is counted as stale, and nothing else', async () => {
  const run = await perform({ prompt: '[[text n=2]]' });
  await waitFor(async () => (await sumOf('runyard_runs_total', { status: 'succeeded' })) === 2, { what: 'the run to be counted' });
  await queue.enqueue({ runId: run.id, dispatch: 7 });
  await waitFor(async () => (await sumOf('runyard_stale_tickets_total')) === 1, { what: 'the stale ticket', timeoutMs: 60_000 });
  expect(await sumOf('runyard_runs_total', { status: 'succeeded' })).toBe(2);
});

test('writes of a worker whose lease was taken from it are refused, and counted', async () => {
  const { id } = await submit({ prompt: '[[slow n=600 delay=50]]' });
  const running = await waitFor(async () => {
    const run = await store.get(id);
    return (run?.seq ?? 0) > 10 ? run : undefined;
  }, { what: 'streamed text', timeoutMs: 60_000 });
  await store.requeue({ runId: id, attempt: running?.attempt ?? 0 }, 'taken by the test');
  await waitFor(async () => (await sumOf('runyard_stale_writes_refused_total')) > 0, { what: 'the refused write', timeoutMs: 60_000 });
  await waitFor(async () => (await sumOf('runyard_runs_active')) === 0, { what: 'the place to be free', timeoutMs: 60_000 });
});
