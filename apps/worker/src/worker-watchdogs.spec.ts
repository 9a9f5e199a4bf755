// Each watchdog through a real worker: its own failure code, what was said before is kept, and what only looks like a hang is none.
import { join } from 'node:path';
import type { CreateRun } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import { fakeClaude, processesWithMark, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { FakeClaude, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 120_000 });

let redis: TestRedis;
let store: RunStore;
let queue: RunQueue;
let environment: Record<string, string> = {};
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const directory = await temporaryDirectory();
  cleanUp.push(() => directory.remove());
  redis = await testRedis();
  cleanUp.push(() => redis.stop());
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: join(directory.path, 'data') });
  queue = RunQueue.open({ redis: redis.connection });
  cleanUp.push(() => Promise.all([store.close(), queue.close()]));
  environment = { HOME: directory.path, REDIS_URL: redis.url, RUNYARD_DATA_DIR: join(directory.path, 'data'), ANTHROPIC_API_KEY: 'sk-test-0123456789abcdef' };
}, 600_000);

afterAll(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
});

/** A worker whose limits are one second each unless told otherwise, and the end of one run on it. */
async function perform(program: FakeClaude, request: CreateRun, more: Record<string, string> = {}) {
  const limits = { RUNYARD_SILENCE_TIMEOUT_SECONDS: '1', RUNYARD_FIRST_MESSAGE_TIMEOUT_SECONDS: '30', RUNYARD_EXIT_TIMEOUT_SECONDS: '30' };
  const worker = startWorker({ ...environment, ...limits, RUNYARD_CLAUDE_BIN: fakeClaude(program), ...more });
  onTestFinished(() => worker.stop().then(() => undefined));
  await worker.logged('worker ready');
  const answer = await store.create({ request, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  const { id } = answer.run;
  await queue.enqueue({ runId: id, dispatch: answer.dispatch ?? 0 });
  const outcome = await waitFor(async () => (await store.get(id))?.outcome, { what: 'the end of the run', timeoutMs: 60_000 });
  const page = await store.readEvents(id, { limit: 10_000 });
  return { outcome, log: JSON.stringify(page?.events.map((event) => [event.type, String(event.data)])), left: await processesWithMark(id) };
}

const HALF = 'half of an ';

test.each<[string, FakeClaude, CreateRun, Record<string, string>, object, RegExp]>([
  ['no first message', 'never-speaks', { prompt: 'x' }, { RUNYARD_FIRST_MESSAGE_TIMEOUT_SECONDS: '1' }, { code: 'stalled', message: expect.stringContaining('within 1 s of its start') }, /run\.started/],
  ['silence', 'stops-in-the-middle', { prompt: 'x' }, {}, { code: 'stalled', message: expect.stringContaining('silent for 1 s') }, new RegExp(HALF)],
  ['no exit', 'stays-after-its-result', { prompt: 'x' }, { RUNYARD_EXIT_TIMEOUT_SECONDS: '1' }, { code: 'not_exiting', message: expect.stringContaining('within 1 s of its last answer') }, /claude\.result/],
  ['the wall clock', 'stops-in-the-middle', { prompt: 'x', timeout_seconds: 2 }, { RUNYARD_SILENCE_TIMEOUT_SECONDS: '60' }, { code: 'timed_out', message: expect.stringContaining('limit of 2 s') }, new RegExp(HALF)],
])('%s ends the run with its own code, and what was said is kept', async (_, program, request, settings, failure, said) => {
  const { outcome, log, left } = await perform(program, request, settings);
  expect(outcome).toMatchObject({ status: 'failed', failure });
  expect(log).toMatch(said);
  expect(log).toMatch(/run\.finished/);
  // A result that was there before the CLI hung is in the outcome too.
  expect(outcome.result).toBe(program === 'stays-after-its-result' ? 'done' : null);
  expect(left).toEqual([]);
});

test.each(['3000', '3000 permission'])('a CLI that says nothing because it waits for a tool or for somebody (%s) is not stalled', async (prompt) => {
  const { outcome, left } = await perform('takes-long-over-a-tool', { prompt });
  expect(outcome).toMatchObject({ result: 'made everything' });
  expect(outcome.failure?.code).not.toBe('stalled');
  expect(left).toEqual([]);
});
