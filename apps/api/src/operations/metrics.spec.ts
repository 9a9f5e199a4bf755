// Metrics of the API: on a port of their own, right, and never in the way of the API.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpCall, waitFor } from '@runyard/testing';
import type { HttpAnswer, HttpCall } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { apiStand, loggerInto } from '../api-stand.fixture.js';

const log: string[] = [];

const stand = apiStand({ api: { logger: loggerInto(log, 'info'), metricsPlace: { host: '127.0.0.1', port: 0 } } });
const { call, create } = stand;

const metricsUrl = (): string => stand.api.metricsUrl ?? '';
const ask = (path = '/metrics', options: HttpCall = {}): Promise<HttpAnswer> => httpCall(metricsUrl(), path, options);

/** The value of the one series with this name and these labels. */
async function valueOf(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
  const line = (await ask()).text.split('\n').find((text) => text.startsWith(`${name}{`) && Object.entries(labels).every(([label, value]) => text.includes(`${label}="${value}"`)));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

test('metrics need no key, because they are on a port of their own and nowhere else', async () => {
  const answer = await ask();
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  expect(answer.text).toMatch(/^runyard_build_info\{.*process="api".*\} 1$/m);
  // Only workers measure these; zeros of the API would spoil every average.
  expect(answer.text).not.toMatch(/run_queue_wait|run_duration|_tokens_|_cost_|tool_calls|stale_|restored|passed_on/);
  expect((await httpCall(stand.api.url, '/metrics')).status).toBe(401);
  expect((await call('/metrics')).status).toBe(404);
  for (const path of ['/', '/v1/runs', '/readyz', '/metrics/', '//metrics']) expect([path, (await ask(path)).status]).toEqual([path, 404]);
  expect((await ask('/metrics?x=1')).status).toBe(200);
  expect((await ask('/metrics', { method: 'POST' })).status).toBe(405);
});

test('what waits, what is followed, and what was canceled before any worker had it', async () => {
  await stand.ready();
  const runs = await Promise.all([1, 2, 3].map(() => create()));
  expect(await valueOf('runyard_queue_depth')).toBe(3);
  expect(await valueOf('runyard_runs', { status: 'queued' })).toBe(3);
  expect(await valueOf('runyard_queue_oldest_wait_seconds')).toBeGreaterThanOrEqual(0);
  expect(await valueOf('runyard_queue_paused')).toBe(0);
  await call('/queues/api/queues/runs/pause', { method: 'PUT' });
  expect(await valueOf('runyard_queue_paused')).toBe(1);
  await call('/queues/api/queues/runs/resume', { method: 'PUT' });
  const stream = await stand.open(`/v1/runs/${runs[0]?.id}/events`, { headers: { accept: 'text/event-stream' } });
  await waitFor(async () => (await valueOf('runyard_event_stream_clients')) === 1, { what: 'the viewer to count' });
  stream.destroy();
  await waitFor(async () => (await valueOf('runyard_event_stream_clients')) === 0, { what: 'the viewer to be gone' });
  // Canceling twice ends it once.
  for (let i = 0; i < 2; i += 1) expect((await call(`/v1/runs/${runs[0]?.id}/cancel`, { method: 'POST' })).status).toBe(200);
  expect(await valueOf('runyard_runs_total', { status: 'canceled', reason: '', trigger: 'api' })).toBe(1);
});

test('a run that expires counts, once', async () => {
  await call('/v1/runs', { body: { prompt: 'x', expires_in_seconds: 1 } });
  await waitFor(async () => (await valueOf('runyard_runs_total', { status: 'failed', reason: 'expired' })) === 1, { what: 'it to be counted' });
});

test('a run under way that is canceled is counted by its worker, not here', async () => {
  const before = (await valueOf('runyard_runs_total', { status: 'canceled' })) ?? 0;
  const { id } = await create();
  await stand.claim(id);
  expect((await call(`/v1/runs/${id}/cancel`, { method: 'POST' })).json).toMatchObject({ status: 'running' });
  expect((await valueOf('runyard_runs_total', { status: 'canceled' })) ?? 0).toBe(before);
});

test('nothing that a client sends becomes a label', async () => {
  await call('/v1/runs', { body: { prompt: 'a-private-prompt', name: 'a-private-name', model: 'a-private-model', tags: ['a-private-tag'], metadata: { k: 'a-private-value' } } });
  expect((await ask()).text).not.toMatch(/private|run_[0-9a-z]{26}/);
});

test('without Redis the rest is told, and the errors are counted', async () => {
  await stand.redis.kill();
  await waitFor(async () => (await httpCall(stand.api.url, '/readyz')).status === 503, { what: 'the loss of Redis to show' });
  const { status, text } = await ask();
  expect(status).toBe(200);
  expect(text).toMatch(/^process_resident_memory_bytes\{/m);
  expect(text).not.toMatch(/^runyard_(queue_depth|runs)\{/m);
  await waitFor(async () => ((await valueOf('runyard_redis_errors_total')) ?? 0) > 0, { what: 'the errors to be counted' });
  await stand.redis.restart();
  await waitFor(async () => (await valueOf('runyard_queue_depth')) !== undefined, { what: 'the depth to be told again' });
});

test('a port in use costs the metrics and not the API; off opens none', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  log.length = 0;
  const [without, off] = await Promise.all([stand.start({ metricsPlace: { host: '127.0.0.1', port } }), stand.start({ metricsPlace: undefined })]);
  onTestFinished(async () => void (await Promise.all([without.close(), off.close()])));
  expect([without.metricsUrl, off.metricsUrl]).toEqual([undefined, undefined]);
  expect((await httpCall(without.url, '/livez')).status).toBe(200);
  expect(log.filter((line) => line.includes('RUNYARD_METRICS_PORT') && line.includes('EADDRINUSE'))).toHaveLength(1);
});
