// Health: open and silent without the key; with it, every check with what to do.
import { newId } from '@runyard/domain';
import type { WorkerInfo } from '@runyard/run-store';
import type { HealthCheck } from '@runyard/telemetry';
import { httpCall, redisCommand } from '@runyard/testing';
import { beforeEach, expect, test } from 'vitest';
import { apiStand, KEY } from '../api-stand.fixture.js';

const stand = apiStand();
const { call } = stand;

beforeEach(() => stand.redis.flush());

async function verbose(): Promise<{ http: number; status: string; checks: Record<string, HealthCheck> }> {
  const { status, json } = await call('/readyz?verbose');
  return { http: status, ...(json as { status: string; checks: Record<string, HealthCheck> }) };
}

async function worker(claudeVersion: string | null, state: WorkerInfo['state'] = 'ready'): Promise<string> {
  const id = newId('worker');
  await stand.worker.heartbeat({ id, host: 'h', pid: 1, version: '0.1.0', claudeVersion, capacity: 4, busy: 0, state, runIds: [], startedAt: new Date().toISOString(), labels: {} });
  return id;
}

test.each<[string, string | undefined]>([['no key', undefined], ['a wrong key', 'Bearer wrong'], ['a wrong password', `Basic ${Buffer.from('me:wrong').toString('base64')}`]])('%s gets the plain answer', async (_, authorization) => {
  for (const path of ['/readyz', '/readyz?verbose', '/readyz?verbose=1', '/readyz?VERBOSE', '/livez?verbose', '/healthz?verbose']) {
    const answer = await httpCall(stand.api.url, path, { headers: { authorization } });
    expect([path, answer.status, answer.json]).toEqual([path, 200, { status: 'ok' }]);
  }
});

test('the key alone changes nothing: one must ask for more', async () => {
  expect((await call('/readyz')).json).toEqual({ status: 'ok' });
});

test('with the key every check is told, and no workers are no reason to take no runs', async () => {
  const none = await verbose();
  expect(none).toMatchObject({ http: 200, status: 'ok' });
  expect(Object.keys(none.checks)).toEqual(['redis', 'redis_memory', 'memory', 'disk', 'workers', 'claude']);
  expect(none.checks).toMatchObject({
    redis: { ok: true, detail: expect.stringMatching(/^Redis \d/) },
    disk: { essential: false, detail: expect.stringMatching(/ free/) },
    workers: { ok: false, essential: false, detail: expect.stringContaining('until a worker is started') },
    claude: { ok: false, essential: false },
  });
  await worker('2.1.330');
  expect((await verbose()).checks).toMatchObject({ workers: { ok: true, detail: '1 take runs, 0 lost' }, claude: { ok: true, detail: 'claude 2.1.330' } });
  const basic = `Basic ${Buffer.from(`me:${KEY}`).toString('base64')}`;
  expect((await httpCall(stand.api.url, '/readyz?verbose', { headers: { authorization: basic } })).json).toHaveProperty('checks');
});

test.each<[string, () => Promise<unknown>, string, RegExp]>([
  ['workers with different versions of the CLI', () => Promise.all([worker('2.1.330'), worker('2.1.300')]), 'claude', /2\.1\.300, 2\.1\.330.*update/],
  ['a worker without the CLI', () => worker(null), 'claude', /RUNYARD_CLAUDE_BIN/],
  ['workers that all drain', () => worker('2.1.330', 'draining'), 'workers', /^0 take runs/],
])('%s show', async (_, make, name, detail) => {
  await make();
  const { http, checks } = await verbose();
  expect([http, checks[name]?.ok]).toEqual([200, false]);
  expect(checks[name]?.detail).toMatch(detail);
});

test('a Redis that may forget makes it not ready, and only those with the key read why', async () => {
  await redisCommand(stand.redis.connection, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  const { http, status, checks } = await verbose();
  expect([http, status]).toEqual([503, 'error']);
  expect(checks['redis']).toMatchObject({ ok: false, detail: expect.stringMatching(/maxmemory-policy.*noeviction/) });
  expect((await httpCall(stand.api.url, '/readyz?verbose')).text).not.toMatch(/maxmemory|checks/);
  await redisCommand(stand.redis.connection, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  expect(await verbose()).toMatchObject({ http: 200, status: 'ok' });
});

test('without Redis the other checks are still told', async () => {
  await stand.redis.kill();
  const { http, checks } = await verbose();
  expect(http).toBe(503);
  expect(checks).toMatchObject({ redis: { ok: false }, redis_memory: { ok: false }, workers: { ok: false, detail: 'not known without Redis' }, disk: { detail: expect.stringContaining('free') } });
  await stand.redis.restart();
  await stand.ready();
});
