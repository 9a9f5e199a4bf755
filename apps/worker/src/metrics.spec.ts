// The metrics of a real worker after real runs: each fact once.
import { httpCall, waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { beforeAll, expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CAPACITY: '3', RUNYARD_CLAUDE_MAX_RETRIES: '0', RUNYARD_UPSTREAM_WAIT_SECONDS: '0' }, trigger: 'cli' });
const { submit, perform, until } = stand;
let worker: TestWorker;

beforeAll(async () => {
  worker = await stand.workOn();
});

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
  expect((await stand.store.cancel(id)).kind).toBe('requested');
  await waitFor(async () => (await sumOf('runyard_runs_total', { status: 'canceled' })) === 1, { what: 'the cancel to count', timeoutMs: 60_000 });
  await waitFor(async () => (await sumOf('runyard_runs_active')) === 0, { what: 'the place to be free' });
});

test('a ticket that comes again is counted as stale, and nothing else', async () => {
  const run = await perform({ prompt: '[[text n=2]]' });
  await waitFor(async () => (await sumOf('runyard_runs_total', { status: 'succeeded' })) === 2, { what: 'the run to be counted' });
  await stand.queue.enqueue({ runId: run.id, dispatch: 7 });
  await waitFor(async () => (await sumOf('runyard_stale_tickets_total')) === 1, { what: 'the stale ticket', timeoutMs: 60_000 });
  expect(await sumOf('runyard_runs_total', { status: 'succeeded' })).toBe(2);
});

test('writes of a worker whose lease was taken from it are refused, and counted', async () => {
  const { id } = await submit({ prompt: '[[slow n=600 delay=50]]' });
  const running = await until({ id }, 'streamed text', ({ seq }) => seq > 10);
  await stand.store.requeue({ runId: id, attempt: running.attempt, workerId: running.workerId ?? '' }, 'taken by the test');
  await waitFor(async () => (await sumOf('runyard_stale_writes_refused_total')) > 0, { what: 'the refused write', timeoutMs: 60_000 });
  await waitFor(async () => (await sumOf('runyard_runs_active')) === 0, { what: 'the place to be free', timeoutMs: 60_000 });
});
