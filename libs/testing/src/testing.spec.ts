// The helpers themselves: a Redis that restarts on its files, waiting that can fail, marks in environments.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { childProcesses, freePort, httpCall, processesWithMark, startApiProcess, startHttpServer, temporaryDirectory, testRedis, waitFor } from './index.js';
import type { TestRedis } from './index.js';

let server: TestRedis;
beforeAll(async () => {
  server = await testRedis();
}, 300_000);
afterAll(() => server.stop());

test('two servers share nothing; flush empties all databases of one', async () => {
  const other = await testRedis();
  const one = new Redis(server.connection);
  const two = new Redis(other.connection);
  await one.set('colour', 'green');
  await one.select(3);
  await one.set('taste', 'sweet');
  expect(await two.get('colour')).toBeNull();
  await two.set('colour', 'red');
  await server.flush();
  expect(await one.dbsize()).toBe(0);
  expect(await one.select(0).then(() => one.dbsize())).toBe(0);
  expect(await two.get('colour')).toBe('red');
  one.disconnect();
  two.disconnect();
  await other.stop();
  await expect(access(dirname(other.connection.path))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('kill breaks connections, restart brings the data back at the same address', async () => {
  const redis = new Redis({ ...server.connection, retryStrategy: () => 20 });
  redis.on('error', () => {}); // refused while the server is down
  await redis.set('colour', 'green');
  const closed = once(redis, 'close');
  const firstPid = server.pid();
  await server.kill();
  await closed;
  await server.restart();
  expect(server.pid()).not.toBe(firstPid);
  expect(await redis.get('colour')).toBe('green');
  await server.restart();
  expect(await redis.get('colour')).toBe('green');
  redis.disconnect();
});

test('waitFor returns the first truthy value, and names what it waited for in vain', async () => {
  let calls = 0;
  expect(await waitFor(() => (++calls < 4 ? null : `call ${calls}`), { what: 'the fourth call' })).toBe('call 4');
  await expect(waitFor(() => Promise.resolve(0), { what: 'nothing', timeoutMs: 30 })).rejects.toThrow('waited 30 ms for nothing');
  await expect(waitFor(() => Promise.reject(new Error('broken')), { what: 'an error' })).rejects.toThrow('broken');
});

test('a temporary directory is private, and gone with its content', async () => {
  const directory = await temporaryDirectory();
  expect((await stat(directory.path)).mode & 0o777).toBe(0o700);
  await directory.remove();
  await directory.remove();
  await expect(access(directory.path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a free port can be listened on', async () => {
  const listener = createServer().listen(await freePort(), '127.0.0.1');
  await once(listener, 'listening');
  listener.close();
});

test('processes are found by a mark in their environment', async () => {
  const mark = `RUNYARD_TEST_MARK=${process.pid}-${performance.now()}`;
  const [name, value] = mark.split('=') as [string, string];
  expect(await processesWithMark(mark)).toEqual([]);
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { env: { [name]: value }, stdio: ['pipe', 'ignore', 'ignore'] });
  await waitFor(() => processesWithMark(mark).then((pids) => pids.length === 1 && pids[0] === child.pid), { what: 'the child' });
  child.stdin.end();
  await once(child, 'exit');
  expect(await processesWithMark(mark)).toEqual([]);
});

test('children of a process are its own, and no longer when they have ended', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { env: {}, stdio: ['pipe', 'ignore', 'ignore'] });
  expect(await childProcesses(process.pid)).toContain(child.pid);
  expect(await childProcesses(child.pid ?? 0)).toEqual([]);
  child.stdin.end();
  await once(child, 'exit');
  expect(await childProcesses(process.pid)).not.toContain(child.pid);
});

test('who waits for a line of a process that has ended hears so at once, and what it said', async () => {
  const api = startApiProcess({ env: { RUNYARD_PORT: '99999' } });
  await expect(api.logged('API listening')).rejects.toThrow(/api did not log "API listening", it ended; .*RUNYARD_PORT/s);
  expect([api.hasExited(), await api.exited, await api.end()]).toEqual([true, { code: 78, signal: null }, { code: 78, signal: null }]);
});

test('an HTTP server answers until it is stopped, also while somebody waits for an answer', async () => {
  const { promise: asked, resolve: hear } = Promise.withResolvers<void>();
  const { url, stop } = await startHttpServer(({ url: path }, response) => (path === '/' ? void response.end('here') : hear()));
  onTestFinished(stop);
  expect((await httpCall(url, '/')).text).toBe('here');
  const cut = expect(httpCall(url, '/never')).rejects.toThrow(/hang up|ECONNRESET/);
  await asked;
  await stop();
  await cut;
  await expect(httpCall(url, '/')).rejects.toThrow('ECONNREFUSED');
});
