// What a run leaves behind on its machine: nothing. Neither when it ends, nor when its worker dies, nor when the warden dies with it.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { freePort, nastyTools, processesWithMark, stdioMcpServer, waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { beforeAll, expect, test } from 'vitest';
import { wardenOf, workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ request: { allowed_tools: ['Bash', 'mcp__files__leave'], recovery: 'never' } });
const { submit, ended } = stand;
let script = '';

beforeAll(async () => {
  await mkdir(temporaryFiles());
  script = await nastyTools(stand.base);
});

const temporaryFiles = (): string => join(stand.base, 'tmp');
const work = (): Promise<TestWorker> => stand.work({ TMPDIR: temporaryFiles() });

/** A run with processes that try everything to survive; `after` is what its command does when they are at work. */
async function nasty(after: string) {
  const [port, pidFile] = [await freePort(), join(stand.base, `pid-${await freePort()}`)];
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
  return { marked: await processesWithMark(run.id), naked: existsSync(`/proc/${naked}/exe`), port: await listening(port), files: await readdir(temporaryFiles()) };
}

const nothingIsLeft = (one: Nasty): Promise<true> =>
  waitFor(async () => JSON.stringify(await left(one)) === JSON.stringify(nothing), { what: 'nothing to be left', timeoutMs: 60_000 });

/** Neither can clean up after the other. */
async function killWithWarden(worker: TestWorker): Promise<void> {
  const warden = await wardenOf(worker);
  process.kill(warden, 'SIGSTOP');
  worker.kill('SIGKILL');
  process.kill(warden, 'SIGKILL');
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
  expect([await processesWithMark(run.id), await readdir(temporaryFiles())]).toEqual([[], []]);
});

test('a worker that is killed leaves nothing either: its warden cleans up', async () => {
  const worker = await work();
  const one = await nasty('sleep 600');
  worker.kill('SIGKILL');
  await worker.exited;
  await nothingIsLeft(one);
  await stand.store.cancel(one.run.id);
});

test('when worker and warden are killed together, another worker of the machine cleans up before it takes a run', async () => {
  const worker = await work();
  const one = await nasty('sleep 600');
  await killWithWarden(worker);
  await worker.exited;
  expect((await left(one)).marked.length).toBeGreaterThan(4);
  const next = await work();
  expect(next.log.map((entry) => entry['msg'])).toContain('what a dead worker had left was ended');
  expect(await left(one)).toEqual(nothing);
  await stand.store.cancel(one.run.id);
});

test('a worker that is at work already cleans up too', async () => {
  const worker = await work();
  const one = await nasty('sleep 600');
  const neighbour = await work();
  await killWithWarden(worker);
  await neighbour.logged('what a dead worker had left was ended');
  await nothingIsLeft(one);
  await stand.store.cancel(one.run.id);
});
