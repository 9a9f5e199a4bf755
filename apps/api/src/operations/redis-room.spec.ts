// A Redis that fills up: it shows early, new runs are refused before writes fail, and those that run come to their end.
import { newId } from '@runyard/domain';
import type { Problem, Run } from '@runyard/domain';
import type { HealthCheck } from '@runyard/telemetry';
import { redisCommand, waitFor } from '@runyard/testing';
import type { HttpAnswer } from '@runyard/testing';
import { expect, test } from 'vitest';
import { apiStand, SUCCEEDED } from '../api-stand.fixture.js';

const LIMIT = 64 * 1024 * 1024;

const stand = apiStand({ prepare: ({ connection }) => redisCommand(connection, 'CONFIG', 'SET', 'maxmemory', String(LIMIT)) });
const { call } = stand;

const post = (path: string, body: unknown): Promise<HttpAnswer> => call(path, { method: 'POST', body });

const PIECE = 'x'.repeat(512 * 1024);
let pieces = 0;

/** Lets Redis be filled to a share of its limit, in pieces: the allocator rounds up what is large. */
async function fillTo(share: number): Promise<void> {
  while (pieces > 0) await redisCommand(stand.redis.connection, 'DEL', `filling:${pieces--}`);
  while ((await stand.worker.memory()).usedMemoryBytes < LIMIT * share) await redisCommand(stand.redis.connection, 'SET', `filling:${++pieces}`, PIECE);
}

async function redisMemory(): Promise<HealthCheck | undefined> {
  return ((await call('/readyz?verbose')).json as { checks: Record<string, HealthCheck> }).checks['redis_memory'];
}
const shown = (share: number, word: RegExp, ok: boolean): Promise<unknown> =>
  waitFor(async () => {
    const check = await redisMemory();
    return check?.ok === ok && word.test(check.detail);
  }, { what: `${share * 100} % to show` });

test('it shows from 70 and 85 % on', async () => {
  await shown(0, /^\d+(\.\d)? MiB of 64\.0 MiB used \(\d+ %\)$/, true);
  await fillTo(0.75);
  await shown(0.75, /^filling up: .*\(7\d %\)$/, true);
  expect((await post('/v1/runs', { prompt: 'x' })).status).toBe(201);
  await fillTo(0.88);
  await shown(0.88, /^nearly full: .*raise maxmemory/, false);
  expect((await post('/v1/runs', { prompt: 'x' })).status).toBe(201);
});

test('from 95 % on every way to make a run is refused, those that run go on and end, and then all is well again', async () => {
  await fillTo(0.1);
  await shown(0.1, /used \(\d+ %\)$/, true);
  const schedule = newId('schedule');
  const { id } = (await post('/v1/runs', { prompt: 'x' })).json as Run;
  const over = (await post('/v1/runs', { prompt: 'x' })).json as Run;
  await post(`/v1/runs/${over.id}/cancel`, undefined);
  expect((await call(`/v1/schedules/${schedule}`, { method: 'PUT', body: { cron: '0 3 * * *', run: { prompt: 'x' } } })).status).toBeLessThan(300);
  const lease = await stand.claim(id);

  // Well above 95 %: the connection that fills it counts as long as it is there.
  await fillTo(0.97);
  await shown(0.97, /^full: .*new runs are refused/, false);
  for (const refused of [await post('/v1/runs', { prompt: 'x' }), await post(`/v1/runs/${over.id}/retry`, {}), await post(`/v1/schedules/${schedule}/run`, undefined)]) {
    expect([refused.status, (refused.json as Problem).code, Number(refused.headers['retry-after']) > 0]).toEqual([503, 'redis_full', true]);
    expect((refused.json as Problem).detail).toMatch(/64\.0 MiB used \(9\d %\)/);
  }
  expect((await call('/readyz')).status).toBe(200);
  expect((await call(`/v1/runs/${id}`)).json).toMatchObject({ status: 'running' });
  expect(await stand.worker.append(lease, 1, [{ type: 'claude.assistant', data: '{}' }])).toMatchObject({ kind: 'appended' });
  expect(await stand.worker.renew(lease)).toMatchObject({ kind: 'renewed' });
  expect(await stand.worker.finish(lease, SUCCEEDED)).toMatchObject({ kind: 'finished' });

  await fillTo(0);
  await waitFor(async () => (await post('/v1/runs', { prompt: 'x' })).status === 201, { what: 'runs to be taken again' });
});
