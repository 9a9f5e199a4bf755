// Commands that operate: retry, rm, queue, workers drain, and submit with a time and a priority; against a real API process.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import type { QueueState, Run } from '@runyard/domain';
import { newId } from '@runyard/domain';
import { redisCommand, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand } from './program.js';

vi.setConfig({ testTimeout: 60_000 });

const API = new URL('../../api/dist/main.js', import.meta.url).pathname;
const KEY = 'key-for-the-operate-spec';
let redis: TestRedis;
let dir: TemporaryDirectory;
let api: ChildProcess;
let url = '';

beforeAll(async () => {
  [redis, dir] = await Promise.all([testRedis(), temporaryDirectory()]);
  const env = { REDIS_URL: redis.url, RUNYARD_PORT: '0', RUNYARD_DATA_DIR: `${dir.path}/data`, RUNYARD_API_KEY: KEY };
  const child = spawn(process.execPath, [API], { cwd: dir.path, env, stdio: ['pipe', 'pipe', 'inherit'] });
  api = child;
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (out += piece));
  url = await waitFor(() => /"url":"(http:[^"]+)"/.exec(out)?.[1], { what: 'the API to listen', timeoutMs: 90_000 });
}, 300_000);
afterAll(async () => {
  const exited = once(api, 'exit');
  api.kill('SIGKILL');
  await exited;
  await redis.stop();
  await dir.remove();
});

async function text(stream: PassThrough): Promise<string> {
  let all = '';
  for await (const chunk of stream.setEncoding('utf8')) all += String(chunk);
  return all;
}

async function runyard(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const context = { env: { RUNYARD_URL: url, RUNYARD_API_KEY: KEY }, cwd: '/', root: '/opt/runyard', stdin: Readable.from([]), stdout, stderr, signals: new EventEmitter() };
  const [out, err] = [text(stdout), text(stderr)];
  const code = await runCommand(argv, context, '1.2.3');
  for (const stream of [stdout, stderr]) stream.end();
  return { code, out: await out, err: await err };
}

const json = async <T>(...argv: string[]): Promise<T> => JSON.parse((await runyard(...argv, '-o', 'json')).out) as T;

test('submit with priority, time and expiry; ps by tag', async () => {
  const run = await json<Run>('submit', 'go', '--priority', '-5', '--at', '2h', '--expires', '10m', '--tag', 'later');
  expect(run).toMatchObject({ priority: -5, queued_reason: 'run_at', trigger: 'cli' });
  expect(Date.parse(run.expires_at ?? '') - Date.parse(run.run_at ?? '')).toBe(600_000);
  await runyard('submit', 'go', '--at', '2020-01-01', '--tag', 'other');
  expect((await runyard('ps', '-q', '--tag', 'later')).out).toBe(`${run.id}\n`);
  expect((await runyard('ps', '--tag', 'none')).err).toContain('No live run has this tag');
});

test.each([
  [['submit', 'x', '--priority', '11'], /from -10 to 10/],
  [['submit', 'x', '--priority', 'high'], /from -10 to 10/],
  [['submit', 'x', '--at', 'tomorrow'], /must be a time such as/],
  [['submit', 'x', '--at', '2026-02-40'], /must be a time such as/],
  [['submit', 'x', '--expires', 'soon'], /such as 90, 15m or 2h/],
  [['queue', 'stop'], /Allowed choices are pause, resume/],
  [['retry'], /missing required argument/],
  [['rm'], /missing required argument/],
  [['workers', 'drain'], /missing required argument/],
])('wrong usage %j exits with 2 and says what is wrong', async (argv, message) => {
  const done = await runyard(...argv);
  expect(done.code).toBe(2);
  expect(done.err).toMatch(message);
});

test('retry makes a new run of one that is over; rm forgets it, but not one that lives', async () => {
  const { id } = await json<Run>('submit', 'again', '--name', 'n');
  expect(await runyard('retry', id)).toMatchObject({ code: 1, out: '' });
  await runyard('cancel', id);
  const again = await runyard('retry', id, '--priority', '3');
  expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/^run_\w+\n$/) });
  expect(await json<Run>('show', again.out.trim())).toMatchObject({ retry_of: id, name: 'n', priority: 3 });
  const removed = await runyard('rm', again.out.trim(), id);
  expect(removed).toMatchObject({ code: 1, out: `${id}\n` });
  expect(removed.err).toContain('cancel it first');
  expect((await runyard('show', id)).code).toBe(3);
  expect((await runyard('rm', id)).code).toBe(3);
});

test('the queue is paused and resumed', async () => {
  expect((await runyard('queue', 'pause')).out).toMatch(/paused: no worker takes a run/);
  expect((await runyard('queue')).err).toContain('queue resume');
  expect((await runyard('status')).out).toContain('paused');
  expect(await json<QueueState>('queue', 'resume')).toMatchObject({ paused: false });
  expect((await runyard('queue')).out).toMatch(/open/);
});

test('a worker is asked to drain by its id or the end of it', async () => {
  const id = newId('worker');
  const info = { id, host: 'h', pid: 1, version: '1', claudeVersion: null, capacity: 2, busy: 1, state: 'busy', runIds: [], startedAt: new Date().toISOString(), labels: {} };
  await redisCommand(redis.connection, 'SET', `runyard:worker:${id}`, JSON.stringify(info));
  await redisCommand(redis.connection, 'ZADD', 'runyard:workers', String(Date.now()), id);
  const done = await runyard('workers', 'drain', id.slice(-8));
  expect(done).toMatchObject({ code: 0, out: `${id} draining\n` });
  expect(done.err).toContain('1 run');
  expect((await runyard('workers')).out).toContain('draining');
  expect(await runyard('workers', 'drain', newId('worker'))).toMatchObject({ code: 3, out: '' });
});
