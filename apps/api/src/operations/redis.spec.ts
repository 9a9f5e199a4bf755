// Redis away, silent, or wrongly set up: a clear answer at once, and all is well again by itself.
import { kill } from 'node:process';
import type { IncomingMessage } from 'node:http';
import { newId } from '@runyard/domain';
import type { Problem } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import { httpCall, redisCommand, waitFor } from '@runyard/testing';
import type { HttpCall } from '@runyard/testing';
import { expect, test } from 'vitest';
import { apiStand, loggerInto } from '../api-stand.fixture.js';

const log: string[] = [];

// Redis is not there when the API starts; the first test brings it.
const stand = apiStand({ api: { logger: loggerInto(log, 'info') }, becomesReady: false, prepare: (redis) => redis.kill() });
const { call } = stand;

async function everythingAnswers503(): Promise<void> {
  const id = newId('run');
  const requests: [string, HttpCall][] = [
    ['/readyz', {}],
    ['/v1/runs', { body: { prompt: 'x' } }],
    ['/v1/runs', {}],
    [`/v1/runs/${id}`, {}],
    [`/v1/runs/${id}`, { headers: { prefer: 'wait=60' } }],
    [`/v1/runs/${id}/events`, {}],
    [`/v1/runs/${id}/events`, { headers: { accept: 'text/event-stream' } }],
    [`/v1/runs/${id}/events`, { headers: { accept: 'application/x-ndjson' } }],
    [`/v1/runs/${id}/output`, {}],
    [`/v1/runs/${id}/cancel`, { method: 'POST' }],
    ['/v1/workers', {}],
    ['/v1/status', {}],
  ];
  await Promise.all(
    requests.map(async ([path, options]) => {
      const answer = await call(path, options);
      expect([path, answer.status, (answer.json as Problem).code]).toEqual([path, 503, 'redis_unavailable']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.text).not.toMatch(/ECONN|ENOENT|\.sock|ioredis/);
    }),
  );
  expect((await call('/livez')).status).toBe(200);
  expect((await call('/docs')).status).toBe(200);
  expect((await httpCall(stand.api.url, '/v1/runs')).status).toBe(401);
}

test('the API starts without Redis, says so, and works as soon as Redis is there', async () => {
  await everythingAnswers503();
  await stand.redis.restart();
  await stand.ready();
  expect((await call('/v1/runs', { body: { prompt: 'x' } })).status).toBe(201);
  // Reconnecting is tried many times a second; the log has a handful of lines about it.
  expect(log.filter((line) => line.includes('"msg":"Redis cannot be reached: trying again"')).length).toBeLessThan(6);
});

test('Redis goes away and comes back: nothing is lost, and a stream goes on', async () => {
  const { id } = await stand.create();
  const stream = await stand.open(`/v1/runs/${id}/events`, { headers: { accept: 'text/event-stream' } });
  const reading = idsOf(stream);
  await stand.redis.kill();
  await everythingAnswers503();
  await stand.redis.restart();
  await stand.ready();
  expect(await stand.show(id)).toMatchObject({ id, status: 'queued' });
  expect((await call(`/v1/runs/${id}/cancel`, { method: 'POST' })).json).toMatchObject({ status: 'canceled' });
  expect(await reading).toEqual(['0-1', '0-2']);
});

async function idsOf(stream: IncomingMessage): Promise<string[]> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return [...text.matchAll(/^id: (.*)$/gm)].map((match) => match[1] ?? '');
}

test('a Redis that does not answer is treated as one that is away', async () => {
  kill(stand.redis.pid(), 'SIGSTOP');
  try {
    await everythingAnswers503();
  } finally {
    kill(stand.redis.pid(), 'SIGCONT');
  }
  await stand.ready();
  await waitFor(async () => (await call('/v1/status')).status === 200, { what: 'the status' });
});

test('a run whose ticket could not be sent gets it later', async () => {
  const depth = async (): Promise<number> => Number(await redisCommand(stand.redis.connection, 'ZCARD', 'runyard:bull:runs:prioritized'));
  const before = await depth();
  const store = RunStore.open({ redis: stand.redis.connection, role: 'api', dataDir: stand.dir.path });
  const created = await waitFor(() => store.create({ request: { prompt: 'no ticket' }, trigger: 'api' }).catch(() => undefined), { what: 'the run' });
  await store.close();
  expect(created).toMatchObject({ kind: 'created', dispatch: 1 });
  expect(await depth()).toBe(before);
  await waitFor(async () => (await depth()) === before + 1, { what: 'the ticket' });
});

test('a Redis that may forget is not trusted with runs, and the answer says what to set', async () => {
  await redisCommand(stand.redis.connection, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  expect((await call('/readyz')).json).toMatchObject({ status: 503, code: 'redis_unavailable' });
  expect((await call('/readyz')).text).not.toContain('maxmemory');
  const refused = await call('/v1/runs', { body: { prompt: 'x' } });
  expect(refused.json).toMatchObject({ status: 503, code: 'redis_unavailable', detail: expect.stringMatching(/maxmemory-policy.*noeviction/) });
  expect((await call('/v1/runs')).status).toBe(200);
  expect(log.some((line) => line.includes('"level":"error"') && line.includes('maxmemory-policy'))).toBe(true);
  await redisCommand(stand.redis.connection, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  expect((await call('/readyz')).status).toBe(200);
  expect((await call('/v1/runs', { body: { prompt: 'x' } })).status).toBe(201);
});
