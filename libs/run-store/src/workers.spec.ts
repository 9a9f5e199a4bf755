// The registry of workers, and the server behind the store.
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { beforeEach, expect, test } from 'vitest';
import { RunStore } from './index.js';
import type { WorkerInfo } from './index.js';
import { created, finished, started } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ server, directory, redis, store } = stand));
beforeEach(() => server.flush());

const info = (id: string, more: Partial<WorkerInfo> = {}): WorkerInfo => ({
  id, host: 'häuschen', pid: 7, version: '0.1.0', claudeVersion: null, capacity: 4, busy: 1, state: 'busy', runIds: ['run_1'], startedAt: '2026-01-01T00:00:00.000Z', labels: { zone: 'a' }, ...more,
});
const seenAgo = async (id: string, ms: number) => redis.zadd('runyard:workers', Date.now() - ms, id);

test('a heartbeat registers a worker, the next one replaces it, leaving removes it', async () => {
  await store.heartbeat(info('wrk_b'));
  await store.heartbeat(info('wrk_a'));
  await store.heartbeat(info('wrk_b', { state: 'draining', claudeVersion: '2.1.330', runIds: [] }));
  const workers = await store.workers();
  const seen = { lastSeenAt: expect.any(String) };
  expect(workers).toEqual([{ ...info('wrk_a'), ...seen }, { ...info('wrk_b', { state: 'draining', claudeVersion: '2.1.330', runIds: [] }), ...seen }]);
  expect(Math.abs(Date.parse(workers[0]?.lastSeenAt ?? '') - Date.now())).toBeLessThan(60_000);
  await store.leave('wrk_a');
  await store.leave('wrk_a');
  expect((await store.workers()).map(({ id }) => id)).toEqual(['wrk_b']);
});

test('not heard of for 15 s: lost; for an hour: forgotten, with every key', async () => {
  for (const id of ['wrk_1', 'wrk_2', 'wrk_3']) await store.heartbeat(info(id));
  await seenAgo('wrk_1', 8_000);
  await seenAgo('wrk_2', 60_000);
  await seenAgo('wrk_3', 61 * 60_000);
  expect((await store.workers()).map(({ id, state }) => `${id} ${state}`)).toEqual(['wrk_1 busy', 'wrk_2 lost']);
  expect(await redis.zscore('runyard:workers', 'wrk_3')).toBeNull();
  for (const id of ['wrk_1', 'wrk_2']) expect(await redis.pttl(`runyard:worker:${id}`)).toBeGreaterThan(0);
  await store.heartbeat(info('wrk_2'));
  expect((await store.workers()).map(({ state }) => state)).toEqual(['busy', 'busy']);
});

test('the installation has one id, whoever asks first', async () => {
  const other = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path });
  const ids = await Promise.all([store.installationId(), other.installationId(), store.installationId()]);
  await other.close();
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
});

test('ping and counts', async () => {
  expect(await store.ping()).toEqual({ latencyMs: expect.any(Number), maxMemoryBytes: 0, version: expect.stringMatching(/^\d+\.\d+/), usedMemoryBytes: expect.any(Number) });
  await created(store);
  await started(store);
  await finished(store);
  await store.cancel((await created(store)).id);
  expect(await store.counts()).toEqual({ queued: 1, running: 1, waiting: 0, succeeded: 1, failed: 0, canceled: 1 });
});

test('settings that lose data are named with their fix', async () => {
  expect(await store.checkSettings()).toEqual([]);
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await redis.config('SET', 'appendfsync', 'everysec');
  const problems = await store.checkSettings();
  await redis.config('SET', 'maxmemory-policy', 'noeviction');
  await redis.config('SET', 'appendfsync', 'always');
  expect(problems).toHaveLength(2);
  expect(problems[0]).toMatch(/maxmemory-policy allkeys-lru.*Fix: redis-cli CONFIG SET maxmemory-policy noeviction/);
  expect(problems[1]).toMatch(/appendfsync everysec/);
});

test('a server that hides its settings', async () => {
  await redis.acl('SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-config');
  const limited = RunStore.open({ redis: { ...server.connection, username: 'limited', password: 'secret' }, role: 'worker', dataDir: directory.path });
  expect(await limited.checkSettings()).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/does not tell its/)));
  await created(limited);
  await limited.close();
});

test('a user that may only touch the prefix can do everything', async () => {
  await redis.acl('SETUSER', 'prefixed', 'on', '>secret', '~runyard:*', '&runyard:*', '+@all');
  const prefixed = RunStore.open({ redis: { ...server.connection, username: 'prefixed', password: 'secret' }, role: 'worker', dataDir: directory.path });
  const { id, run } = await finished(prefixed);
  await created(prefixed, { prompt: 'x', session_id: run.sessionId });
  await prefixed.compact(id);
  await prefixed.heartbeat(info('wrk_1'));
  await prefixed.list({ limit: 10, sessionId: run.sessionId });
  expect(await prefixed.delete(id)).toBe('deleted');
  await prefixed.close();
});

test('another prefix is another world', async () => {
  const other = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path, prefix: 'elsewhere:' });
  const { id } = await finished(other);
  expect(await store.get(id)).toBeUndefined();
  expect(await store.list({ limit: 10 })).toEqual({ runs: [], nextPage: null });
  expect((await redis.keys('*')).filter((key) => !key.startsWith('elsewhere:'))).toEqual([]);
  await other.close();
});
