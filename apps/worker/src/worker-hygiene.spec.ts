// What a run leaves behind on its machine: nothing. Neither when it ends, nor when its worker dies, nor when the warden dies with it.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { CreateRun } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { freePort, nastyTools, processesWithMark, startDemoModel, startWorker, stdioMcpServer, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TestDemoModel, TestRedis, TestWorker } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000 });

let redis: TestRedis;
let model: TestDemoModel;
let store: RunStore;
let queue: RunQueue;
let base = '';
let script = '';
let environment: Record<string, string> = {};
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const directory = await temporaryDirectory();
  cleanUp.push(() => directory.remove());
  base = directory.path;
  for (const name of ['home', 'tmp']) await mkdir(join(base, name));
  script = await nastyTools(base);
  redis = await testRedis();
  cleanUp.push(() => redis.stop());
  model = await startDemoModel();
  cleanUp.push(() => model.stop());
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: join(base, 'data') });
  queue = RunQueue.open({ redis: redis.connection });
  cleanUp.push(() => Promise.all([store.close(), queue.close()]));
  environment = {
    HOME: join(base, 'home'),
    TMPDIR: join(base, 'tmp'),
    REDIS_URL: redis.url,
    RUNYARD_DATA_DIR: join(base, 'data'),
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
    await worker.stop();
  });
  await worker.logged('worker ready');
  return worker;
}

async function submit(request: CreateRun): Promise<RunRecord> {
  const answer = await store.create({ request: { allowed_tools: ['Bash', 'mcp__files__leave'], recovery: 'never', ...request }, trigger: 'api' });
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

/** A run with processes that try everything to survive; `after` is what its command does when they are at work. */
async function nasty(after: string) {
  const [port, pidFile] = [await freePort(), join(base, `pid-${await freePort()}`)];
  const run = await submit({ prompt: `[[bash cmd="sh ${script} ${port} ${pidFile}; ${after}"]]` });
  const naked = Number(await waitFor(() => readFile(pidFile, 'utf8').catch(() => ''), { what: 'the process without environment', timeoutMs: 60_000 }));
  await waitFor(() => listening(port), { what: 'the server of the run', timeoutMs: 60_000 });
  return { run, port, naked };
}

type Nasty = Awaited<ReturnType<typeof nasty>>;

function listening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}

const nothing = { marked: [], naked: false, port: false, files: [] };

/** What is still there of a run. */
async function left({ run, port, naked }: Nasty) {
  return { marked: await processesWithMark(run.id), naked: existsSync(`/proc/${naked}/exe`), port: await listening(port), files: await readdir(join(base, 'tmp')) };
}

async function wardenOf({ pid }: TestWorker): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
  const commands = await Promise.all(children.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')));
  return children[commands.findIndex((command) => command.includes('warden/main.js'))] ?? 0;
}

test('at the end of a run nothing of it lives, its port is free, and its temporary files are gone', async () => {
  await work();
  const one = await nasty('echo done');
  expect(await ended(one.run)).toMatchObject({ status: 'succeeded' });
  expect(await left(one)).toEqual(nothing);
});

test('an MCP server, and what it has started, are gone at the end of the run', async () => {
  await work();
  const rounds = [{ blocks: [{ tool: 'mcp__files__leave', input: {} }] }, { blocks: [{ text: 'end' }] }];
  const servers = { files: { type: 'stdio' as const, command: process.execPath, args: [stdioMcpServer] } };
  const run = await submit({ prompt: `[[script ${JSON.stringify({ rounds })}]]`, mcp_servers: servers });
  expect(await ended(run)).toMatchObject({ status: 'succeeded' });
  expect([await processesWithMark(run.id), await readdir(join(base, 'tmp'))]).toEqual([[], []]);
});

test('a worker that is killed leaves nothing either: its warden cleans up', async () => {
  const worker = await work();
  const one = await nasty('sleep 600');
  worker.kill('SIGKILL');
  await worker.exited;
  await waitFor(async () => JSON.stringify(await left(one)) === JSON.stringify(nothing), { what: 'nothing to be left', timeoutMs: 60_000 });
  await store.cancel(one.run.id);
});

test('when worker and warden are killed together, another worker of the machine cleans up before it takes a run', async () => {
  const worker = await work();
  const one = await nasty('sleep 600');
  const warden = await wardenOf(worker);
  process.kill(warden, 'SIGSTOP');
  worker.kill('SIGKILL');
  process.kill(warden, 'SIGKILL');
  await worker.exited;
  expect((await left(one)).marked.length).toBeGreaterThan(4);
  const next = await work();
  expect(next.log.map((entry) => entry['msg'])).toContain('what a dead worker had left was ended');
  expect(await left(one)).toEqual(nothing);
  await store.cancel(one.run.id);
});

test('a worker that is at work already cleans up too', async () => {
  const worker = await work();
  const one = await nasty('sleep 600');
  const neighbour = await work();
  const warden = await wardenOf(worker);
  process.kill(warden, 'SIGSTOP');
  worker.kill('SIGKILL');
  process.kill(warden, 'SIGKILL');
  await neighbour.logged('what a dead worker had left was ended');
  await waitFor(async () => JSON.stringify(await left(one)) === JSON.stringify(nothing), { what: 'nothing to be left', timeoutMs: 60_000 });
  await store.cancel(one.run.id);
});
