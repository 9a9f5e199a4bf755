// Ends that nobody wished for, and the one that somebody did: cancel, drain, lost leases, killed workers. No process may be left.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateRun } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { fakeClaude, processesWithMark, startDemoModel, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TestDemoModel, TestRedis, TestWorker } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000 });

const KILLS = 20;
/** Bash starts a process in a session of its own and one without a parent; both would outlive everything that kills by group. */
const NASTY = `[[bash cmd="(setsid perl -e 'sleep 600' &) ; nohup perl -e 'sleep 601' >/dev/null 2>&1 & perl -e 'sleep 602'"]]`;
const STREAM = '[[slow n=6000 delay=50]]';

let redis: TestRedis;
let model: TestDemoModel;
let store: RunStore;
let queue: RunQueue;
let base = '';
let environment: Record<string, string> = {};
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const directory = await temporaryDirectory();
  cleanUp.push(() => directory.remove());
  base = directory.path;
  await mkdir(join(base, 'home'));
  redis = await testRedis();
  cleanUp.push(() => redis.stop());
  model = await startDemoModel();
  cleanUp.push(() => model.stop());
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: join(base, 'data') });
  queue = RunQueue.open({ redis: redis.connection });
  cleanUp.push(() => Promise.all([store.close(), queue.close()]));
  environment = {
    HOME: join(base, 'home'),
    REDIS_URL: redis.url,
    RUNYARD_DATA_DIR: join(base, 'data'),
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'sk-test-0123456789abcdef',
  };
}, 600_000);

afterAll(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
});

async function work(more: Record<string, string> = {}): Promise<TestWorker> {
  const worker = startWorker({ ...environment, ...more });
  onTestFinished(async () => {
    worker.kill('SIGCONT');
    await worker.stop();
  });
  await worker.logged('worker ready');
  return worker;
}

async function submit(request: CreateRun): Promise<RunRecord> {
  const answer = await store.create({ request: { allowed_tools: ['Bash'], ...request }, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  if (answer.dispatch !== null) await queue.enqueue({ runId: answer.run.id, dispatch: answer.dispatch });
  return answer.run;
}

const ended = ({ id }: RunRecord) =>
  waitFor(
    async () => {
      const run = await store.get(id);
      return run?.outcome && { ...run, outcome: run.outcome };
    },
    { what: `the end of ${id}`, timeoutMs: 90_000 },
  );

/** The processes of a run, once there are so many. */
const processes = ({ id }: RunRecord, atLeast: number) =>
  waitFor(
    async () => {
      const pids = await processesWithMark(id);
      return pids.length >= atLeast && pids;
    },
    { what: `${atLeast} processes of ${id}`, timeoutMs: 60_000 },
  );

const claimed = ({ id }: RunRecord) => waitFor(async () => (await store.get(id))?.status === 'running', { what: `the claim of ${id}`, timeoutMs: 60_000 });

const gone = ({ id }: RunRecord) => waitFor(async () => (await processesWithMark(id)).length === 0, { what: `the end of all processes of ${id}`, timeoutMs: 60_000 });

const typesOf = async ({ id }: RunRecord) => ((await store.readEvents(id, { limit: 10_000 }))?.events ?? []).map((event) => event.type);

const streaming = (run: RunRecord) =>
  waitFor(async () => (await typesOf(run)).filter((type) => type === 'claude.stream_event').length > 5, { what: 'streamed text', timeoutMs: 60_000 });

test('cancel while text streams: what was said is kept, and the run ends canceled', async () => {
  await work();
  const run = await submit({ prompt: STREAM });
  await streaming(run);
  expect((await store.cancel(run.id)).kind).toBe('requested');
  expect(await ended(run)).toMatchObject({ status: 'canceled', outcome: { failure: null } });
  expect(await processesWithMark(run.id)).toEqual([]);
  const types = await typesOf(run);
  expect(types).toEqual(expect.arrayContaining(['input.received', 'claude.assistant']));
  expect(types.at(-1)).toBe('run.finished');
  expect((await store.cancel(run.id)).kind).toBe('already_terminal');
});

test('cancel while Bash runs: also processes with a session of their own are gone when the run ends', async () => {
  await work();
  const run = await submit({ prompt: NASTY });
  await processes(run, 5);
  await store.cancel(run.id);
  expect(await ended(run)).toMatchObject({ status: 'canceled' });
  expect(await processesWithMark(run.id)).toEqual([]);
});

test('cancel of a CLI that ignores every signal, and a session that can go on after a cancel', async () => {
  const stubborn = await work({ RUNYARD_CLAUDE_BIN: fakeClaude('ignores-every-signal') });
  const run = await submit({ prompt: 'x' });
  await waitFor(async () => (await typesOf(run)).includes('claude.system'), { what: 'the first message' });
  await store.cancel(run.id);
  expect(await ended(run)).toMatchObject({ status: 'canceled' });
  expect(await processesWithMark(run.id)).toEqual([]);
  await stubborn.stop();

  await work();
  const streamed = await submit({ prompt: STREAM });
  await streaming(streamed);
  await store.cancel(streamed.id);
  await ended(streamed);
  expect(await ended(await submit({ prompt: '[[text n=1]]', session_id: streamed.sessionId }))).toMatchObject({ status: 'succeeded' });
});

test('SIGTERM: no more tickets, the running run ends well, then the worker leaves with 0', async () => {
  const worker = await work();
  const run = await submit({ prompt: '[[slow n=40 delay=50]]' });
  await streaming(run);
  worker.kill('SIGTERM');
  await worker.logged('draining: no more runs are taken');
  const late = await submit({ prompt: '[[text n=1]]' });
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  expect((await store.get(run.id))?.status).toBe('succeeded');
  expect((await store.get(late.id))?.status).toBe('queued');
  expect((await store.workers()).map((record) => record.pid)).not.toContain(worker.pid);
  await work();
  expect(await ended(late)).toMatchObject({ status: 'succeeded', attempt: 1 });
});

test.each<[string, Record<string, string>, (worker: TestWorker) => void, string]>([
  ['when the grace is over', { RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' }, (worker: TestWorker) => worker.kill('SIGTERM'), 'had not ended within 1 s'],
  ['at a second signal a while later', {}, (worker: TestWorker) => void worker.stop(), 'asked to stop at once'],
  ['when the pipe to its parent closes', { RUNYARD_DRAIN_TIMEOUT_SECONDS: '1', RUNYARD_PARENT_PIPE: '1' }, (worker: TestWorker) => worker.closeParentPipe(), 'had not ended within 1 s'],
])('a drain ends the runs that are left %s', async (_, settings, stop, message) => {
  const worker = await work(settings);
  const run = await submit({ prompt: NASTY });
  await processes(run, 5);
  stop(worker);
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  expect(await processesWithMark(run.id)).toEqual([]);
  expect(await ended(run)).toMatchObject({ outcome: { failure: { code: 'worker_lost', message: expect.stringContaining(message) } } });
});

test(`${KILLS} kills of a worker leave no process, and every run ends as worker_lost`, { timeout: 900_000 }, async () => {
  const runs: RunRecord[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const worker = await work();
    const [tools, text] = [await submit({ prompt: NASTY }), await submit({ prompt: STREAM })];
    runs.push(tools, text);
    await Promise.all([claimed(tools), claimed(text)]);
    // Each time at another moment: the CLI is just being started, it streams, its commands run.
    if (kill % 3 === 1) await streaming(text);
    if (kill % 3 === 2) await processes(tools, 5);
    worker.kill('SIGKILL');
    await worker.exited;
    await Promise.all([gone(tools), gone(text)]);
  }
  await work();
  const outcomes = await Promise.all(runs.map(async (run) => (await ended(run)).outcome));
  expect(outcomes.map((outcome) => outcome.failure?.code ?? outcome.status)).toEqual(runs.map(() => 'worker_lost'));
  expect((await Promise.all(runs.map((run) => processesWithMark(run.id)))).flat()).toEqual([]);
});
