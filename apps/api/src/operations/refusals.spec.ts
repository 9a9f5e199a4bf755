// Operations that take no body, or pages: what they do not understand they refuse, and nothing happens.
import { newId } from '@runyard/domain';
import type { Worker, WorkerList } from '@runyard/domain';
import type { RunStore } from '@runyard/run-store';
import { expect, test } from 'vitest';
import { onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

let call: ApiStand['call'];
let worker: RunStore;
onApiStand((stand) => ({ call, worker } = stand));

async function register(): Promise<string> {
  const id = newId('worker');
  await worker.heartbeat({ id, host: 'h', pid: 1, version: '1', claudeVersion: null, capacity: 1, busy: 0, state: 'ready', runIds: [], startedAt: new Date().toISOString(), labels: {} });
  return id;
}

const workers = async (query = ''): Promise<WorkerList> => (await call(`/v1/workers${query}`)).json as WorkerList;

test('pause, resume and drain refuse a body and do nothing; an empty one is fine', async () => {
  const id = await register();
  const isPaused = async (): Promise<boolean> => ((await call('/v1/queue')).json as { paused: boolean }).paused;
  const refused = async (path: string): Promise<void> => {
    for (const body of [{ x: 1 }, [1]]) expect((await call(path, { method: 'POST', body })).json).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ field: 'body' }] });
  };
  await refused('/v1/queue/pause');
  expect(await isPaused()).toBe(false);
  expect((await call('/v1/queue/pause', { method: 'POST', body: {} })).status).toBe(200);
  await refused('/v1/queue/resume');
  expect(await isPaused()).toBe(true);
  expect((await call('/v1/queue/resume', { method: 'POST' })).status).toBe(200);
  expect(await isPaused()).toBe(false);
  await refused(`/v1/workers/${id}/drain`);
  expect((await workers()).data.map(({ state }) => state)).toEqual(['ready']);
  expect((await call(`/v1/workers/${id}/drain`, { method: 'POST' })).json).toMatchObject({ state: 'draining' });
});

test('what is deleted is named by its path: a body is refused and nothing is deleted', async () => {
  const { id } = (await call('/v1/runs', { body: { prompt: 'go' } })).json as { id: string };
  await call(`/v1/runs/${id}/cancel`, { method: 'POST' });
  await call('/v1/schedules/sch_kept', { method: 'PUT', body: { every_seconds: 3600, enabled: false, run: { prompt: 'go' } } });
  for (const path of [`/v1/runs/${id}`, '/v1/schedules/sch_kept']) {
    expect((await call(path, { method: 'DELETE', body: { dry_run: true } })).json, path).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ field: 'body' }] });
    expect((await call(path)).status, path).toBe(200);
    expect((await call(path, { method: 'DELETE' })).status, path).toBe(204);
  }
});

test('workers come in pages, each of them once', async () => {
  for (let i = 0; i < 4; i += 1) await register();
  const all = (await workers()).data.map(({ id }) => id);
  expect(all.length).toBeGreaterThanOrEqual(4);
  const seen: Worker[] = [];
  for (let page: string | null = ''; page !== null; ) {
    const list: WorkerList = await workers(`?limit=2${page && `&page=${page}`}`);
    expect(list.data.length).toBeLessThanOrEqual(2);
    seen.push(...list.data);
    page = list.next_page;
  }
  expect(seen.map(({ id }) => id)).toEqual(all);
  expect(await workers(`?limit=${all.length}`)).toMatchObject({ next_page: null });
});

test.each([['limit=x', 'limit'], ['limit=0', 'limit'], ['limit=1001', 'limit'], ['page=x', 'page'], ['page=wrk_%0a', 'page'], ['colour=red', 'colour']])('workers?%s is refused', async (query, field) => {
  expect((await call(`/v1/workers?${query}`)).json).toMatchObject({ status: 400, code: 'invalid_parameter', errors: [{ field }] });
});
