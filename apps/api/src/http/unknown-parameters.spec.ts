// No route takes a query parameter and ignores it: asked with one that it does not know, it says so and does nothing.
import type { Problem, QueueState, Run, RunList, ScheduleList, Worker } from '@runyard/domain';
import { newId } from '@runyard/domain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

const PARAMETER = 'no_such_parameter';
/** Probes never fail over a parameter; the others are no routes of the API's own: files, pages and a plugin. */
const EXCEPT = /^\/(livez|readyz|healthz|docs|openapi\.json|queues)(\/|$)/;
/** What PUT takes, so that only the parameter can be the reason of a refusal. */
const SCHEDULE = { cron: '0 9 * * *', enabled: false, run: { prompt: 'scheduled' } };
const BODIES: Readonly<Record<string, object>> = {
  'POST /v1/runs': { prompt: 'made by mistake' },
  'POST /v1/runs/cancel': { filter: {} },
  'POST /v1/runs/:id/priority': { priority: 3 },
  'POST /v1/runs/:id/recover': { action: 'abandon' },
  'PUT /v1/schedules/:id': { ...SCHEDULE, enabled: true },
};

let stand: ApiStand;
let queued: Run;
let over: Run;
const workerId = newId('worker');

onApiStand((made) => (stand = made));

beforeAll(async () => {
  queued = (await stand.call('/v1/runs', { body: { prompt: 'x' } })).json as Run;
  over = (await stand.call('/v1/runs', { body: { prompt: 'x' } })).json as Run;
  await stand.call(`/v1/runs/${over.id}/cancel`, { method: 'POST' });
  await stand.call('/v1/schedules/sch_kept', { method: 'PUT', body: SCHEDULE });
  const info = { id: workerId, host: 'h', pid: 1, version: '1', claudeVersion: null, capacity: 2, busy: 1, state: 'ready' as const, runIds: [], labels: {} };
  await stand.worker.heartbeat({ ...info, startedAt: new Date().toISOString() });
});
afterAll(() => stand.worker.leave(workerId));

const own = () => stand.api.routes.filter(({ url }) => !EXCEPT.test(url));

async function state(): Promise<object> {
  const json = async <T>(path: string): Promise<T> => (await stand.call(path)).json as T;
  const { depth, paused } = await json<QueueState>('/v1/queue');
  const { data: workers } = await json<{ data: Worker[] }>('/v1/workers');
  return {
    runs: (await json<RunList>('/v1/runs')).data,
    schedules: (await json<ScheduleList>('/v1/schedules')).data.map(({ id, enabled, last_run_id, updated_at }) => ({ id, enabled, last_run_id, updated_at })),
    queue: { depth, paused },
    draining: workers.filter((worker) => worker.state === 'draining').length,
  };
}

/** The path of a route with an id for which the route would do its work. */
function pathOf(url: string): string {
  if (url.startsWith('/v1/schedules')) return url.replace(':id', 'sch_kept');
  if (url.startsWith('/v1/workers')) return url.replace(':id', workerId);
  return url.replace(':id', /retry$|:id$/.test(url) ? over.id : queued.id);
}

describe('a parameter that is not known', () => {
  test('is refused by every route, by its name, and nothing is done', async () => {
    const routes = own();
    for (const url of ['/v1/runs', '/v1/runs/cancel', '/v1/runs/:id/retry', '/v1/schedules/:id/run', '/v1/queue/pause', '/llms.txt']) expect(routes.map((route) => route.url)).toContain(url);
    expect(routes.length).toBeGreaterThan(25);
    const before = await state();
    for (const { method, url } of routes) {
      const body = BODIES[`${method} ${url}`];
      const { status, json } = await stand.call(`${pathOf(url)}?${PARAMETER}=true`, { method, ...(body ? { body } : {}) });
      const refusal = method === 'HEAD' ? undefined : { code: (json as Problem).code, errors: (json as Problem).errors?.map(({ field }) => field) };
      expect({ route: `${method} ${url}`, status, refusal }).toEqual({ route: `${method} ${url}`, status: 400, refusal: method === 'HEAD' ? undefined : { code: 'invalid_parameter', errors: [PARAMETER] } });
    }
    expect(await state()).toEqual(before);
  });

  test.each([
    ['POST', '/v1/runs/cancel?dry_run=true', ['dry_run']],
    ['POST', '/v1/runs?wait=5&priority=1', ['wait', 'priority']],
    ['DELETE', '/v1/schedules/sch_kept?dry_run=true', ['dry_run']],
    ['GET', '/v1/status?verbose', ['verbose']],
    ['GET', '/v1/status?__proto__=1', ['__proto__']],
    ['GET', '/v1/status?=1', ['query']],
    ['GET', '/v1/status?a=1&a=2', ['a']],
  ])('%s %s names them all', async (method, path, fields) => {
    const { status, json } = await stand.call(path, { method, ...(method === 'POST' ? { body: BODIES[`${method} ${path.split('?')[0]}`] } : {}) });
    expect([status, (json as Problem).errors?.map(({ field }) => field)]).toEqual([400, fields]);
    expect((json as Problem).errors?.[0]?.message).toMatch(/remove it/);
  });
});

test('a question mark alone is no parameter, and what lists know is still known, also to HEAD', async () => {
  expect((await stand.call('/v1/status?')).status).toBe(200);
  for (const method of ['GET', 'HEAD']) expect((await stand.call('/v1/runs?limit=1&status=queued', { method })).status).toBe(200);
  expect((await stand.call('/v1/schedules/sch_kept?dry_run=true', { method: 'PUT', body: SCHEDULE })).status).toBeLessThan(300);
});

test('probes, pages and the dashboard bear parameters; the method and the key are told first', async () => {
  for (const path of ['/livez?x=1', '/readyz?verbose', '/healthz?x', '/docs?x=1', '/docs/errors?x=1', '/openapi.json?x=1', '/queues?x=1']) expect([path, (await stand.call(path)).status]).toEqual([path, 200]);
  expect((await stand.call('/v1/runs?x=1', { method: 'OPTIONS' })).status).toBe(405);
  expect((await stand.call('/v1/status?x=1', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
  expect((await stand.call('/nothing?x=1')).status).toBe(404);
});
