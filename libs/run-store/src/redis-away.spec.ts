// Redis away: the API is told at once, the worker waits, and both go on by themselves.
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { newId } from '@runyard/domain';
import { temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { RedisUnavailableError, RunStore } from './index.js';
import type { RunStoreOptions } from './index.js';
import { created, finished, following, message, REQUEST, started } from './store.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;

beforeAll(async () => {
  server = await testRedis();
  directory = await temporaryDirectory();
}, 300_000);
afterAll(async () => {
  await server.stop();
  await directory.remove();
});
beforeEach(() => server.restart());

function open(role: 'api' | 'worker', options: Partial<RunStoreOptions> = {}): RunStore {
  const store = RunStore.open({ redis: server.connection, role, dataDir: directory.path, ...options });
  onTestFinished(() => store.close());
  return store;
}

function connect(): Redis {
  const redis = new Redis(server.connection);
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

const unavailable = (call: Promise<unknown>) => expect(call).rejects.toThrow(RedisUnavailableError);
const comesBack = (store: RunStore) => waitFor(() => store.ping().then(() => true, () => false), { what: 'the store to recover' });

describe('role api', () => {
  test('every method fails with the reason, and works again when Redis is back', async () => {
    const errors: Error[] = [];
    const store = open('api', { onError: (error) => errors.push(error) });
    const { id, lease } = await started(store);
    await server.kill();
    await waitFor(() => store.ping().then(() => false, (error: unknown) => error instanceof RedisUnavailableError), { what: 'the first failure' });
    await unavailable(store.create({ request: REQUEST, trigger: 'api' }));
    await unavailable(store.get(id));
    await unavailable(store.list({ limit: 1 }));
    await unavailable(store.cancel(id));
    await unavailable(store.append(lease, 1, [message('x')]));
    await unavailable(store.readEvents(id, { limit: 1 }));
    await unavailable(store.workers());
    await unavailable(store.counts());
    // Once it tried to connect again, it knows why it cannot.
    await waitFor(() => store.ping().then(() => false, (error: Error) => /^Redis: connect (ENOENT|ECONNREFUSED)/.test(error.message)), { what: 'the reason' });
    await waitFor(() => errors.length > 0, { what: 'an error for the log' });
    await server.restart();
    await comesBack(store);
    expect(await store.get(id)).toMatchObject({ status: 'running' });
    await created(store);
  });

  test('opened before Redis: the same', async () => {
    await server.kill();
    const store = open('api');
    await unavailable(store.ping());
    await unavailable(created(store));
    await server.restart();
    await comesBack(store);
    await created(store);
  });

  test('opened a moment ago: the first call waits for the connection', async () => {
    const store = open('api');
    await Promise.all(Array.from({ length: 30 }, () => created(store)));
  });

  test('a server that accepts and never answers', async () => {
    const { server: silent, sockets } = await silentServer();
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as { port: number };
    const store = open('api', { redis: { host: '127.0.0.1', port }, answerMs: 200 });
    await unavailable(store.ping());
    await unavailable(created(store));
  });

  test('a server that stops answering', async () => {
    const store = open('api', { answerMs: 1000 });
    await comesBack(store);
    process.kill(server.pid(), 'SIGSTOP');
    try {
      await unavailable(created(store));
    } finally {
      process.kill(server.pid(), 'SIGCONT');
    }
    await comesBack(store);
  });

  test('what Redis refuses for now, it says in its own words', async () => {
    const store = open('api');
    const redis = connect();
    const { id } = await started(store);
    await redis.config('SET', 'maxmemory', '1');
    await expect(created(store)).rejects.toThrow(/Redis: OOM/);
    await expect(created(store)).rejects.toThrow(RedisUnavailableError);
    expect(await store.get(id)).toMatchObject({ status: 'running' });
    await redis.config('SET', 'maxmemory', '0');
    await redis.replicaof('127.0.0.1', '1');
    await waitFor(() => created(store).then(() => false, (error: unknown) => error instanceof RedisUnavailableError && /READONLY/.test(error.message)), { what: 'READONLY' });
    await redis.replicaof('NO', 'ONE');
    await comesBack(store);
    await created(store);
  });

  test('a script that Redis refuses in its first write has written nothing', async () => {
    const store = open('api');
    const redis = connect();
    const { id, lease } = await started(store);
    const waiting = await created(store);
    const before = [await store.get(id), await redis.dbsize()];
    await redis.config('SET', 'maxmemory', '1');
    await unavailable(created(store));
    await unavailable(store.append(lease, 1, [message('x')]));
    await unavailable(store.claim({ runId: waiting.id, dispatch: 1, workerId: 'wrk_test' }));
    expect([{ ...(await store.get(id)) }, await redis.dbsize()]).toEqual(before);
    await redis.config('SET', 'maxmemory', '0');
  });

  test('a password that is missing or wrong', async () => {
    const redis = connect();
    await redis.config('SET', 'requirepass', 'correct');
    onTestFinished(async () => void (await redis.config('SET', 'requirepass', '')));
    const right = open('api', { redis: { ...server.connection, password: 'correct' } });
    await comesBack(right);
    await unavailable(created(open('api')));
    await unavailable(created(open('api', { redis: { ...server.connection, password: 'wrong' } })));
    await created(right);
  });

  test('a follower gives up when reading keeps failing, with the reason', async () => {
    await server.kill();
    const store = open('api', { followPatienceMs: 1000 });
    await unavailable(following(store, newId('run')).done);
  });

  test('a closed store', async () => {
    const store = open('api');
    await created(store);
    await store.close();
    await unavailable(store.ping());
  });
});

describe('role worker', () => {
  test('calls wait for Redis and then do what was asked, once', async () => {
    const store = open('worker', { leaseMs: 600_000 });
    const { id, lease } = await started(store);
    await server.kill();
    const calls = [store.append(lease, 1, [message('a')]), store.renew(lease), store.get(id)] as const;
    await server.restart();
    const [appended, renewed, run] = await Promise.all(calls);
    expect([appended.kind, renewed.kind, run?.id]).toEqual(['appended', 'renewed', id]);
    expect((await store.readEvents(id, { limit: 10 }))?.events.map(({ type }) => type)).toEqual(['run.queued', 'run.started', 'claude.assistant']);
  });

  test('opened before Redis: it waits', async () => {
    await server.kill();
    const store = open('worker');
    const ping = store.ping();
    await server.restart();
    expect((await ping).version).toMatch(/^\d+\./);
  });

  test('refused for now: it waits until Redis takes it', async () => {
    const store = open('worker');
    const redis = connect();
    const { id, lease } = await started(store);
    await redis.config('SET', 'maxmemory', '1');
    const append = store.append(lease, 1, [message('a')]);
    await waitFor(async () => Number(/evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0) > 3, { what: 'another try' });
    await redis.config('SET', 'maxmemory', '0');
    expect(await append).toMatchObject({ kind: 'appended' });
    expect((await store.get(id))?.seq).toBe(3);
  });

  test('a wrong password is no reason to wait', async () => {
    const redis = connect();
    await redis.config('SET', 'requirepass', 'correct');
    onTestFinished(async () => void (await redis.config('SET', 'requirepass', '')));
    await unavailable(open('worker', { redis: { ...server.connection, password: 'wrong' } }).ping());
  });

  test('close ends what waits', async () => {
    await server.kill();
    const store = open('worker');
    const ping = store.ping();
    await store.close();
    await unavailable(ping);
  });
});

test('scripts are sent again after the server forgot them', async () => {
  const store = open('api');
  const redis = connect();
  await finished(store);
  await redis.script('FLUSH');
  await finished(store);
});

async function silentServer(): Promise<{ server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  return { server: silent, sockets };
}
