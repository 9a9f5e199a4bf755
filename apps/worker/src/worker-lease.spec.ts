// Leases in the real world: a worker that is stopped, a Redis that is silent or restarts, a warden that dies.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEventId } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { processesWithMark, startDemoModel, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TestDemoModel, TestRedis, TestWorker } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000 });

const BASH = `[[bash cmd="(setsid perl -e 'sleep 600' &) ; perl -e 'sleep 602'"]]`;

let redis: TestRedis;
let model: TestDemoModel;
let store: RunStore;
let queue: RunQueue;
let environment: Record<string, string> = {};
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const directory = await temporaryDirectory();
  cleanUp.push(() => directory.remove());
  redis = await testRedis();
  cleanUp.push(() => redis.stop());
  model = await startDemoModel();
  cleanUp.push(() => model.stop());
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: join(directory.path, 'data') });
  queue = RunQueue.open({ redis: redis.connection });
  cleanUp.push(() => Promise.all([store.close(), queue.close()]));
  environment = {
    HOME: directory.path,
    REDIS_URL: redis.url,
    RUNYARD_DATA_DIR: join(directory.path, 'data'),
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'sk-test-0123456789abcdef',
  };
}, 600_000);

afterAll(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
});

async function work(): Promise<TestWorker> {
  const worker = startWorker(environment);
  onTestFinished(async () => {
    worker.kill('SIGCONT');
    await worker.stop();
  });
  await worker.logged('worker ready');
  return worker;
}

async function submit(prompt: string): Promise<RunRecord> {
  const answer = await store.create({ request: { prompt, allowed_tools: ['Bash'] }, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  await queue.enqueue({ runId: answer.run.id, dispatch: answer.dispatch ?? 0 });
  return answer.run;
}

const ended = ({ id }: RunRecord) =>
  waitFor(
    async () => {
      const run = await store.get(id);
      return run?.outcome && { ...run, outcome: run.outcome };
    },
    { what: `the end of ${id}`, timeoutMs: 120_000 },
  );

const processes = ({ id }: RunRecord, atLeast: number) =>
  waitFor(
    async () => {
      const pids = await processesWithMark(id);
      return pids.length >= atLeast && pids;
    },
    { what: `${atLeast} processes of ${id}`, timeoutMs: 60_000 },
  );

const gone = ({ id }: RunRecord) => waitFor(async () => (await processesWithMark(id)).length === 0, { what: `the end of all processes of ${id}`, timeoutMs: 60_000 });

/** The warden of a worker: its only child that runs node. */
async function wardenOf(worker: TestWorker): Promise<number> {
  const children = (await readFile(`/proc/${worker.pid}/task/${worker.pid}/children`, 'utf8')).trim().split(' ').filter(Boolean).map(Number);
  const commands = await Promise.all(children.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  const found = children.find((_, index) => commands[index]?.includes('warden/main.js'));
  if (found === undefined) throw new Error('the worker has no warden');
  return found;
}

test('a worker that is stopped loses its run, its processes end without it, and it cannot disturb the next one', async () => {
  const frozen = await work();
  const run = await submit(BASH);
  await processes(run, 4);
  frozen.kill('SIGSTOP');
  await gone(run);
  expect((await store.get(run.id))?.status).toBe('running');

  await work();
  expect(await ended(run)).toMatchObject({ status: 'failed', attempt: 2, outcome: { failure: { code: 'worker_lost' } } });
  const before = (await store.readEvents(run.id, { limit: 10_000 }))?.events.map((event) => event.id);
  frozen.kill('SIGCONT');
  await frozen.logged('the lease is lost');
  // It is as good as new: it takes another run to its end.
  expect(await ended(await submit('[[text n=1]]'))).toMatchObject({ status: 'succeeded' });
  expect((await store.readEvents(run.id, { limit: 10_000 }))?.events.map((event) => event.id)).toEqual(before);
});

test('a Redis that is silent costs the run: its processes have ended when Redis speaks again', async () => {
  const worker = await work();
  const run = await submit(BASH);
  await processes(run, 4);
  process.kill(redis.pid(), 'SIGSTOP');
  try {
    await gone(run);
  } finally {
    process.kill(redis.pid(), 'SIGCONT');
  }
  await worker.logged('the lease is lost');
  expect(await ended(run)).toMatchObject({ status: 'failed', outcome: { failure: { code: 'worker_lost' } } });
  expect(await ended(await submit('[[text n=1]]'))).toMatchObject({ status: 'succeeded' });
});

test('a Redis that restarts during a run costs nothing: the run goes on and no event is missing or doubled', async () => {
  await work();
  const run = await submit('[[slow n=100 delay=50]]');
  await waitFor(async () => ((await store.get(run.id))?.seq ?? 0) > 20, { what: 'streamed text', timeoutMs: 60_000 });
  await redis.kill();
  await redis.restart();
  const atRestart = (await store.get(run.id))?.seq ?? 0;
  const live: number[] = [];
  for await (const event of store.follow(run.id, { signal: AbortSignal.timeout(60_000) })) live.push(parseEventId(event.id)?.seq ?? 0);
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 1, outcome: { result: expect.stringMatching(/^word-1 .* word-100$/) } });
  expect(live.length).toBeGreaterThan(atRestart);
  expect(live).toEqual(live.map((_, index) => index + 1));
});

test('a warden that dies is replaced, and the new one watches what the old one watched', async () => {
  const worker = await work();
  const run = await submit(BASH);
  await processes(run, 4);
  const first = await wardenOf(worker);
  execFileSync('kill', ['-TERM', String(first)]);
  process.kill(first, 'SIGKILL');
  await worker.logged('the warden died; starting another one');
  await waitFor(async () => (await wardenOf(worker).catch(() => first)) !== first, { what: 'another warden' });
  expect(await processesWithMark(run.id)).not.toEqual([]);
  worker.kill('SIGKILL');
  await worker.exited;
  await gone(run);
});
