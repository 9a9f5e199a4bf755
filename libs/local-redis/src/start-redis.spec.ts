// A real private server: its settings, its files after SIGKILL, a second start on the same directory, and its end with its parent.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findRedisServer } from './find-redis-server.js';
import { LocalRedisError } from './local-redis-error.js';
import { probeRedis } from './probe-redis.js';
import { isAlive, sendSignal } from './processes.js';
import { startRedis } from './start-redis.js';
import type { LocalRedis, StartRedisOptions } from './start-redis.js';

const cacheDir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'runyard');
const started: LocalRedis[] = [];
let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'runyard-start-'));
  await findRedisServer({ cacheDir });
}, 300_000);
afterEach(async () => {
  await Promise.all(started.splice(0).map((redis) => redis.stop()));
});
afterAll(() => rm(directory, { recursive: true }));

async function start(name: string, options: Partial<StartRedisOptions> = {}): Promise<LocalRedis> {
  const redis = await startRedis({ dir: join(directory, name), cacheDir, ...options });
  started.push(redis);
  return redis;
}

/** Sends one command and returns the whole reply as text. */
async function ask(socketPath: string, command: string): Promise<string> {
  const socket = connect(socketPath);
  socket.end(`${command}\r\nQUIT\r\n`);
  let reply = '';
  for await (const chunk of socket) reply += String(chunk);
  return reply;
}

async function parentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  if (status !== null) return Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
  return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

test('listens on a socket for this user only, never on a port, and keeps every write', async () => {
  const lines: string[] = [];
  const redis = await start('settings', { log: (line) => lines.push(line) });
  expect(redis.url).toBe(`unix://${redis.socketPath}`);
  expect(redis.connection).toEqual({ path: redis.socketPath });
  for (const [name, value] of [
    ['port', '0'],
    ['appendonly', 'yes'],
    ['appendfsync', 'always'],
    ['maxmemory-policy', 'noeviction'],
    ['save', ''],
  ]) {
    expect(await ask(redis.socketPath, `CONFIG GET ${name}`), name).toContain(`\r\n${name}\r\n$${value?.length}\r\n${value}\r\n`);
  }
  expect((await stat(redis.socketPath)).mode & 0o777).toBe(0o600);
  expect((await stat(join(directory, 'settings'))).mode & 0o777).toBe(0o700);
  await until(() => lines.some((line) => line.includes('ready to accept connections')));
});

test('data survives SIGKILL and the socket it leaves behind', async () => {
  const first = await start('killed');
  expect(await ask(first.socketPath, 'SET colour green')).toContain('+OK');
  await first.kill();
  expect(isAlive(first.pid)).toBe(false);
  expect((await first.exited).code).toBe(137);
  expect(await readdir(join(directory, 'killed'))).toContain('redis.sock');
  const second = await start('killed');
  expect(await ask(second.socketPath, 'GET colour')).toContain('green');
});

test('stop ends the server and says so once', async () => {
  const redis = await start('stopped');
  await Promise.all([redis.stop(), redis.stop()]);
  expect(isAlive(redis.pid)).toBe(false);
  expect((await redis.exited).code).toBe(0);
  await redis.kill();
});

test('without an append-only file nothing is written', async () => {
  const redis = await start('memory', { appendOnly: false });
  await ask(redis.socketPath, 'SET colour green');
  await redis.stop();
  expect(await readdir(join(directory, 'memory'))).toEqual([]);
});

test('a second start on the same directory is refused and names the first', async () => {
  const first = await start('twice');
  const refusal = async () => {
    const answer = await start('twice').catch((error: unknown) => error);
    expect(answer).toBeInstanceOf(LocalRedisError);
    return answer as LocalRedisError;
  };
  let refused = await refusal();
  // Refused it is in any case; its number is known only when it answers within 2 s, and on a busy machine it may not.
  for (let tries = 1; tries < 20 && !refused.message.includes('(pid '); tries += 1) refused = await refusal();
  expect(refused).toMatchObject({ code: 'already_running', message: expect.stringContaining(`(pid ${first.pid})`) });
});

test('of two starts at the same time one wins', async () => {
  const results = await Promise.allSettled([start('race'), start('race'), start('race')]);
  const refused = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
  expect(refused).toMatchObject([{ code: 'already_running' }, { code: 'already_running' }]);
});

test('a server that is alive but does not answer counts as running', async () => {
  const redis = await start('frozen');
  sendSignal(redis.pid, 'SIGSTOP');
  try {
    await expect(start('frozen')).rejects.toMatchObject({ code: 'already_running' });
  } finally {
    sendSignal(redis.pid, 'SIGCONT');
  }
});

test('a directory whose path is too long for a socket', async () => {
  const name = 'long-'.repeat(30);
  const redis = await start(name);
  expect(Buffer.byteLength(redis.socketPath)).toBeLessThanOrEqual(100);
  expect(await ask(redis.socketPath, 'PING')).toContain('+PONG');
  await expect(start(name)).rejects.toMatchObject({ code: 'already_running' });
  await redis.stop();
  await rm(join(redis.socketPath, '..'), { recursive: true });
});

test('blanks and unusual letters in the directory', async () => {
  const redis = await start('a b#ü?%');
  expect(await ask(redis.socketPath, 'PING')).toContain('+PONG');
  expect(decodeURIComponent(new URL(redis.url).pathname)).toBe(redis.socketPath);
});

test('a directory that others may enter is refused', async () => {
  await mkdir(join(directory, 'open'));
  await chmod(join(directory, 'open'), 0o755);
  await expect(start('open')).rejects.toMatchObject({ code: 'bad_directory', message: expect.stringContaining('chmod 700') });
});

test('a server that cannot read its files: the error shows its last lines', async () => {
  await mkdir(join(directory, 'broken', 'appendonlydir'), { recursive: true, mode: 0o700 });
  await chmod(join(directory, 'broken'), 0o700);
  await writeFile(join(directory, 'broken', 'appendonlydir', 'appendonly.aof.manifest'), 'rubbish\n');
  await expect(start('broken')).rejects.toMatchObject({ code: 'did_not_start', message: expect.stringContaining('manifest') });
});

test('the server ends when its parent is killed', async () => {
  const server = await findRedisServer({ cacheDir });
  const dir = join(directory, 'orphan');
  await mkdir(dir, { mode: 0o700 });
  const socketPath = join(dir, 'redis.sock');
  const guard = join(import.meta.dirname, 'redis-guard.ts');
  const command = [guard, server.path, '--port', '0', '--unixsocket', socketPath, '--dir', dir];
  const code = `require('node:child_process').spawn(process.execPath, ${JSON.stringify(command)}, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })`;
  const parent = spawn(process.execPath, ['-e', code], { stdio: 'ignore', env: { LD_LIBRARY_PATH: server.libraryPath } });
  let pid = 0;
  await until(async () => {
    const found = await probeRedis(socketPath);
    if (found.state === 'ready') pid = found.pid;
    return found.state === 'ready';
  });
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await until(() => !isAlive(pid));
  expect(await probeRedis(socketPath)).toEqual({ state: 'absent' });
});

test('the server ends when its guard is killed', async () => {
  const redis = await start('no-guard');
  sendSignal(await parentOf(redis.pid), 'SIGKILL');
  expect((await redis.exited).guardSignal).toBe('SIGKILL');
  expect(isAlive(redis.pid)).toBe(false);
});
