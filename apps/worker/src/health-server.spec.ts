// The health port: liveness without conditions, readiness with reasons.
import { startHealthServer } from './health-server.js';
import { Metrics } from '@runyard/telemetry';
import type { HealthCheck } from '@runyard/telemetry';
import { expect, onTestFinished, test } from 'vitest';

const METRICS = new Metrics({ process: 'worker', version: '1.2.3' });

async function serve(checks: () => Promise<Record<string, HealthCheck>>) {
  const server = await startHealthServer({ host: '127.0.0.1', port: 0 }, checks, METRICS);
  onTestFinished(() => server.close());
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
  return { server, ask };
}

test('ready only when every check is', async () => {
  const redis = { ok: true, detail: 'answers' };
  let claude = { ok: true, detail: '2.1.330' };
  const { ask } = await serve(async () => ({ redis, claude }));
  expect(await ask('/readyz')).toEqual({ status: 200, body: { status: 'ok', checks: { redis, claude } } });
  claude = { ok: false, detail: 'not installed; run npm install' };
  expect(await ask('/readyz?verbose')).toEqual({ status: 503, body: { status: 'error', checks: { redis, claude } } });
  expect(await ask('/livez')).toEqual({ status: 200, body: { status: 'ok', checks: {} } });
});

test('a check that fails to answer is not ready, and the process is still alive', async () => {
  const { ask } = await serve(() => Promise.reject(new Error('broken')));
  expect(await ask('/readyz')).toEqual({ status: 503, body: { status: 'error', checks: { checks: { ok: false, detail: 'Error: broken' } } } });
  expect((await ask('/livez')).status).toBe(200);
});

test('what is not essential is told and keeps nobody away', async () => {
  const checks = { redis: { ok: true, detail: 'answers' }, memory: { ok: false, detail: 'little is left', essential: false } };
  const { ask } = await serve(async () => checks);
  expect(await ask('/readyz')).toEqual({ status: 200, body: { status: 'ok', checks } });
});

test('metrics are on the same port', async () => {
  const { server } = await serve(async () => ({}));
  const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await response.text()).toMatch(/^runyard_build_info\{.*version="1\.2\.3".*\} 1$/m);
});

test('other paths and methods are refused', async () => {
  const { ask } = await serve(async () => ({}));
  expect((await ask('/')).status).toBe(404);
  expect((await ask('//')).status).toBe(404);
  expect((await ask('/livez', 'POST')).status).toBe(405);
  expect(await ask('/livez', 'HEAD')).toEqual({ status: 200, body: undefined });
});

test('a port in use is an error with its code', async () => {
  const { server } = await serve(async () => ({}));
  await expect(startHealthServer({ host: '127.0.0.1', port: server.port }, async () => ({}), METRICS)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
