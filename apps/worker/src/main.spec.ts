// Starting and being asked how it is: what is wrong is said in one sentence with its fix.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { httpCall, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000 });

let redis: TestRedis;
let base = '';
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const directory = await temporaryDirectory();
  cleanUp.push(() => directory.remove());
  base = directory.path;
  redis = await testRedis();
  cleanUp.push(() => redis.stop());
}, 600_000);

afterAll(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
});

function start(more: Record<string, string> = {}) {
  const worker = startWorker({ HOME: base, REDIS_URL: redis.url, RUNYARD_DATA_DIR: join(base, 'data'), ...more });
  onTestFinished(async () => void (await worker.stop()));
  return worker;
}

/** One command to the private Redis, by hand. */
async function tellRedis(command: string): Promise<void> {
  const socket = connect(redis.connection.path);
  socket.write(`${command}\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  expect(answer.toString()).toMatch(/^(\+OK\r\n)+$/);
}

const askReady = async (url: string) => {
  const { status, json } = await httpCall(url, '/readyz');
  return { status, checks: (json as { checks: Record<string, { ok: boolean; detail: string }> }).checks };
};

test('it is alive and ready, and not ready any more while it leaves', async () => {
  const worker = start();
  await worker.logged('worker ready');
  const url = await worker.url();
  expect((await httpCall(url, '/livez')).json).toEqual({ status: 'ok', checks: {} });
  const { status, checks } = await askReady(url);
  expect(status).toBe(200);
  expect(checks).toMatchObject({ redis: { ok: true }, claude: { ok: true, detail: expect.stringMatching(/^claude 2\./) }, drain: { ok: true } });
  expect(await worker.stop()).toEqual({ code: 0, signal: null });
  expect(worker.stderr()).toBe('');
});

test.each<[string, () => Record<string, string>, RegExp]>([
  ['a wrong setting', () => ({ RUNYARD_CAPACITY: 'many' }), /RUNYARD_CAPACITY must be a whole number/],
  ['a data directory that cannot be made', () => ({ RUNYARD_DATA_DIR: join(base, 'file', 'data') }), /The data directory .* RUNYARD_DATA_DIR/],
])('%s keeps it from starting', async (_, settings, message) => {
  await writeFile(join(base, 'file'), '');
  const worker = start(settings());
  expect(await worker.exited).toEqual({ code: 78, signal: null });
  expect(worker.stderr()).toMatch(message);
  expect(worker.stderr()).not.toContain('    at ');
});

test('a port in use is named with the setting that changes it', async () => {
  const first = start();
  const port = new URL(await first.url()).port;
  const second = start({ RUNYARD_WORKER_PORT: port });
  expect(await second.exited).toEqual({ code: 78, signal: null });
  expect(second.stderr()).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}: the port is in use\\. Set RUNYARD_WORKER_PORT`));
});

test('a Redis that would lose runs is refused with the setting and its fix', async () => {
  await tellRedis('CONFIG SET maxmemory-policy allkeys-lru');
  onTestFinished(() => tellRedis('CONFIG SET maxmemory-policy noeviction'));
  const worker = start();
  expect(await worker.exited).toEqual({ code: 78, signal: null });
  expect(worker.stderr()).toMatch(/maxmemory-policy allkeys-lru.* CONFIG SET maxmemory-policy noeviction/);
});

test('a Redis that wants a password is named', async () => {
  await tellRedis('CONFIG SET requirepass right-password');
  onTestFinished(() => tellRedis('AUTH right-password\r\nCONFIG SET requirepass ""'));
  const worker = start();
  expect(await worker.exited).toEqual({ code: 78, signal: null });
  expect(worker.stderr()).toMatch(/NOAUTH.*Check REDIS_URL/);
});

test('a misspelt setting is told', async () => {
  const worker = start({ RUNYARD_CAPACTIY: '2' });
  expect(await worker.logged('this setting is unknown: is it misspelt?')).toMatchObject({ setting: 'RUNYARD_CAPACTIY' });
});

test('without Redis it waits, says so, can be ended, and works when Redis is there', async () => {
  await redis.kill();
  const [waiting, patient] = [start(), start()];
  const url = await patient.url();
  expect((await httpCall(url, '/livez')).status).toBe(200);
  const { status, checks } = await askReady(url);
  expect([status, checks['redis']?.ok]).toEqual([503, false]);
  await waiting.url();
  waiting.kill('SIGTERM');
  expect(await waiting.exited).toEqual({ code: 0, signal: null });

  await redis.restart();
  await patient.logged('worker ready');
  await waitFor(async () => (await askReady(url)).status === 200, { what: 'readiness' });
  // And once more while it works.
  await redis.kill();
  await waitFor(async () => (await askReady(url)).checks['redis']?.ok === false, { what: 'the loss of Redis to show' });
  expect((await httpCall(url, '/livez')).status).toBe(200);
  await redis.restart();
  await waitFor(async () => (await askReady(url)).status === 200, { what: 'readiness again' });
});

test('an idle worker whose Redis is gone for good leaves when it is told to', async () => {
  // A grace period much longer than the test may take: it is for runs, not for Redis.
  const worker = start({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '3600' });
  await worker.logged('worker ready');
  await redis.kill();
  try {
    worker.kill('SIGTERM');
    expect(await worker.exited).toEqual({ code: 0, signal: null });
  } finally {
    await redis.restart();
  }
});
