// What may be done to runs, over HTTP: cancel many, move, retry, forget, filter, pause, and the wrong ways to ask for it.
import { access, mkdir, writeFile } from 'node:fs/promises';
import { CancelCounts, newId, QueueState, Run } from '@runyard/domain';
import type { RunList, Status, Worker } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import type { HttpAnswer } from '@runyard/testing';
import { describe, expect, test } from 'vitest';
import { apiStand, problemOf, SUCCEEDED } from '../api-stand.fixture.js';

const stand = apiStand();
const { call, create, show, claim, tickets } = stand;

const post = (path: string, body?: unknown): Promise<HttpAnswer> => call(path, { method: 'POST', body });
const list = async (query: string): Promise<string[]> => ((await call(`/v1/runs?${query}`)).json as RunList).data.map(({ id }) => id);
const finish = async (runId: string): Promise<unknown> => stand.worker.finish(await claim(runId), SUCCEEDED);

describe('when and in which order', () => {
  test('priority, run_at and expires_in_seconds are honoured and shown', async () => {
    const run_at = new Date(Date.now() + 3_600_000).toISOString();
    const early = await create({ run_at, expires_in_seconds: 60, priority: -3 });
    expect(Run.parse(early)).toMatchObject({ status: 'queued', queued_reason: 'run_at', run_at, expires_at: new Date(Date.parse(run_at) + 60_000).toISOString(), priority: -3, queue_position: null });
    const [plain, urgent] = [await create(), await create({ priority: 10 })];
    expect(urgent.queue_position).toBe(1);
    expect((await show(plain.id)).queue_position).toBeGreaterThan(1);
    expect((await tickets()).indexOf(`${urgent.id}.1`)).toBeLessThan((await tickets()).indexOf(`${plain.id}.1`));
    for (const { id } of [early, plain, urgent]) await post(`/v1/runs/${id}/cancel`);
  });

  test('a run whose time has come gets its ticket by itself, and one nobody claimed in time ends by itself', async () => {
    const due = await create({ run_at: new Date(Date.now() + 200).toISOString() });
    const late = await create({ expires_in_seconds: 1 });
    await waitFor(async () => (await tickets()).includes(`${due.id}.1`), { what: 'the ticket', timeoutMs: 30_000 });
    await waitFor(async () => (await show(late.id)).status === 'failed', { what: 'the end', timeoutMs: 30_000 });
    expect(await show(late.id)).toMatchObject({ reason: 'expired', failure: { code: 'expired', retryable: true }, attempt: 0 });
    await post(`/v1/runs/${due.id}/cancel`);
  });

  test('a queued run is moved: one ticket, before the others', async () => {
    const [first, second] = [await create(), await create()];
    const moved = await post(`/v1/runs/${second.id}/priority`, { priority: 5 });
    expect([moved.status, moved.json]).toMatchObject([200, { id: second.id, priority: 5, queue_position: 1 }]);
    expect((await tickets()).filter((ticket) => ticket.startsWith(first.id) || ticket.startsWith(second.id))).toEqual([`${second.id}.2`, `${first.id}.1`]);
    await finish(first.id);
    expect(problemOf(await post(`/v1/runs/${first.id}/priority`, { priority: 1 }))).toEqual([409, 'conflict']);
    expect(problemOf(await post(`/v1/runs/${newId('run')}/priority`, { priority: 1 }))).toEqual([404, 'not_found']);
    for (const body of [{}, { priority: 11 }, { priority: -11 }, { priority: 0.5 }, { priority: '1' }, { priority: 1, more: 1 }]) {
      expect((await post(`/v1/runs/${second.id}/priority`, body)).status).toBe(422);
    }
    await post(`/v1/runs/${second.id}/cancel`);
    expect(await tickets()).not.toContain(`${second.id}.2`);
  });

  test('a paused queue says so in every place, and takes no new state on itself', async () => {
    const before = QueueState.parse((await call('/v1/queue')).json);
    expect(before).toMatchObject({ paused: false });
    expect((await post('/v1/queue/pause')).json).toMatchObject({ paused: true });
    expect((await post('/v1/queue/pause')).status).toBe(200);
    const run = await create();
    expect(run).toMatchObject({ status: 'queued', queued_reason: 'paused' });
    expect(await show(run.id)).toMatchObject({ queued_reason: 'paused' });
    expect(((await call('/v1/runs')).json as RunList).data[0]).toMatchObject({ id: run.id, queued_reason: 'paused' });
    expect(((await call('/v1/status')).json as Status).queue).toMatchObject({ depth: before.depth + 1, paused: true });
    expect(((await post('/v1/queue/resume')).json as QueueState).paused).toBe(false);
    expect(await show(run.id)).toMatchObject({ queued_reason: 'capacity' });
    expect(((await call('/v1/queue')).json as QueueState).oldest_wait_seconds).toBeGreaterThanOrEqual(0);
    await post(`/v1/runs/${run.id}/cancel`);
  });
});

describe('cancel many', () => {
  test('by ids: counts, and again', async () => {
    const [queued, running, over] = [await create(), await create(), await create()];
    await claim(running.id);
    await finish(over.id);
    const ids = [queued.id, queued.id, running.id, over.id, newId('run')];
    const counts = { object: 'cancel_counts', canceled: 1, requested: 1, already_terminal: 1, not_found: 1, more: false };
    expect(CancelCounts.parse((await post('/v1/runs/cancel', { ids })).json)).toEqual(counts);
    expect((await post('/v1/runs/cancel', { ids })).json).toEqual({ ...counts, canceled: 0, already_terminal: 2 });
    expect((await show(running.id)).cancel_requested_at).not.toBeNull();
  });

  test('by filter: all of them over several pages, and nobody else', async () => {
    const other = await create({ tags: ['kept'] });
    const ids = await Promise.all(Array.from({ length: 130 }, async () => (await create({ tags: ['bulk'] })).id));
    expect((await post('/v1/runs/cancel', { filter: { tag: 'bulk' } })).json).toMatchObject({ canceled: 130, requested: 0, more: false });
    expect((await show(other.id)).status).toBe('queued');
    expect((await show(ids[64] ?? '')).status).toBe('canceled');
    expect((await tickets()).filter((ticket) => ids.includes(ticket.split('.')[0] ?? ''))).toEqual([]);
    expect((await post('/v1/runs/cancel', { filter: {} })).json).toMatchObject({ more: false });
    expect((await show(other.id)).status).toBe('canceled');
  });

  test.each([
    ['nothing', {}], ['both', { ids: [newId('run')], filter: {} }], ['no ids', { ids: [] }], ['a strange id', { ids: ['../x'] }], ['a strange filter', { filter: { colour: 'red' } }],
    ['a filter that waits', { filter: { profile: 'x' } }], ['a time that is none', { filter: { created_after: 'yesterday' } }], ['too many', { ids: Array.from({ length: 1001 }, () => newId('run')) }],
  ])('%s is refused', async (_what, body) => {
    expect((await post('/v1/runs/cancel', body)).status).toBe(422);
  });
});

describe('retry', () => {
  test('the same request again, with what shall be different', async () => {
    const before = await create({ name: 'first', tags: ['t'], metadata: { a: '1' }, model: 'opus', run_at: '2020-01-01T00:00:00Z' });
    await finish(before.id);
    const answer = await post(`/v1/runs/${before.id}/retry`);
    const again = Run.parse(answer.json);
    expect([answer.status, answer.headers.location]).toEqual([201, `/v1/runs/${again.id}`]);
    expect(again).toMatchObject({ retry_of: before.id, prompt: 'go', name: 'first', tags: ['t'], metadata: { a: '1' }, model: 'opus', status: 'queued', run_at: null });
    expect(again.session_id).not.toBe(before.session_id);
    const other = (await post(`/v1/runs/${before.id}/retry`, { prompt: 'better', priority: 2, tags: [] })).json as Run;
    expect(other).toMatchObject({ retry_of: before.id, prompt: 'better', priority: 2, tags: [], name: 'first' });
  });

  test('with an Idempotency-Key it happens once; the key of a create is another request', async () => {
    const { id } = await create();
    await finish(id);
    const headers = { 'idempotency-key': `retry-${id}` };
    const answers = await Promise.all(Array.from({ length: 5 }, () => call(`/v1/runs/${id}/retry`, { method: 'POST', headers })));
    expect(new Set(answers.map(({ json }) => (json as Run).id)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === 'true')).toHaveLength(4);
    expect(problemOf(await call('/v1/runs', { body: { prompt: 'go' }, headers }))).toEqual([422, 'idempotency_key_reused', 'Idempotency-Key']);
  });

  test('not while it lives, not what is not there, not with what cannot be', async () => {
    const { id } = await create();
    expect(problemOf(await post(`/v1/runs/${id}/retry`))).toEqual([409, 'conflict']);
    expect(problemOf(await post(`/v1/runs/${newId('run')}/retry`))).toEqual([404, 'not_found']);
    await finish(id);
    expect(problemOf(await post(`/v1/runs/${id}/retry`, { prompt: '' }))).toEqual([422, 'invalid_request', 'prompt']);
    expect(problemOf(await post(`/v1/runs/${id}/retry`, { fork: true }))).toEqual([422, 'invalid_request', 'fork']);
    expect(problemOf(await post(`/v1/runs/${id}/retry`, { webhook_url: 'x' }))).toEqual([422, 'not_available', 'webhook_url']);
    expect((await post(`/v1/runs/${id}/retry`, [])).status).toBe(422);
  });
});

describe('forget', () => {
  test('a run that is over, with its files; not one that lives, and not twice', async () => {
    const { id } = await create();
    await mkdir(`${stand.dir.path}/runs/${id}`, { recursive: true });
    await writeFile(`${stand.dir.path}/runs/${id}/log.zst`, 'x');
    const forget = () => call(`/v1/runs/${id}`, { method: 'DELETE' });
    expect(problemOf(await forget())).toEqual([409, 'conflict']);
    const lease = await claim(id);
    expect(problemOf(await forget())).toEqual([409, 'conflict']);
    await stand.worker.finish(lease, SUCCEEDED);
    const gone = await forget();
    expect([gone.status, gone.text]).toEqual([204, '']);
    expect(problemOf(await forget())).toEqual([404, 'not_found']);
    expect((await call(`/v1/runs/${id}/events`)).status).toBe(404);
    await expect(access(`${stand.dir.path}/runs/${id}`)).rejects.toThrow('ENOENT');
    expect(await list('limit=100')).not.toContain(id);
  });
});

describe('filters of the list', () => {
  test('each of them, and all together', async () => {
    const run = await create({ tags: ['ä b&c'] });
    const cli = (await call('/v1/runs', { body: { prompt: 'x' }, headers: { 'x-runyard-client': 'ui' } })).json as Run;
    expect(await list(`tag=${encodeURIComponent('ä b&c')}`)).toEqual([run.id]);
    expect(await list('trigger=ui')).toEqual([cli.id]);
    expect(await list('schedule_id=sch_none')).toEqual([]);
    expect(await list(`created_after=${encodeURIComponent(run.created_at)}&limit=100`)).not.toContain(run.id);
    expect(await list(`created_before=${encodeURIComponent(run.created_at)}&limit=100`)).not.toContain(run.id);
    expect(await list(`created_after=2020-01-01T00:00:00Z&created_before=2100-01-01T00:00:00%2B02:00&tag=${encodeURIComponent('ä b&c')}&status=queued&trigger=api`)).toEqual([run.id]);
  });

  test.each(['tag=', `tag=${'x'.repeat(65)}`, 'trigger=nobody', 'created_after=yesterday', 'created_before=2026-13-01T00:00:00Z', 'tag=a&tag=b'])('%s is refused', async (query) => {
    expect((await call(`/v1/runs?${query}`)).status).toBe(400);
  });

  test.each(['x', '1700000000000_run_x', `1700000000000_${newId('run')}x`, `170000000000_${newId('run')}`, '%00', '0x', `1700000000000_${newId('run')}%0a`, '+', '(', '['])(
    'the forged page token %s is refused',
    async (page) => {
      expect(problemOf(await call(`/v1/runs?page=${page}&tag=a`))).toEqual([400, 'invalid_parameter', 'page']);
    },
  );
});

test.each(['', '*x', '"', '""', 'W/', 'W/"x', '"a","b', ',,,', '\u00ff', '"x" junk', '"x",'.repeat(1000)])('If-None-Match %#: what is no tag of ours gets the run', async (tag) => {
  const { id } = await create();
  const answer = await call(`/v1/runs/${id}`, { headers: { 'if-none-match': tag } });
  expect([answer.status, (answer.json as Run).id]).toEqual([200, id]);
});

test('a worker is asked to drain: it is told, the list says so, an unknown one is not found', async () => {
  const id = newId('worker');
  const signals: unknown[] = [];
  await stand.worker.onWorkerSignal(id, (signal) => signals.push(signal));
  const info = { id, host: 'h', pid: 1, version: '1', claudeVersion: null, capacity: 2, busy: 1, runIds: [], startedAt: new Date().toISOString(), labels: {} };
  expect(await stand.worker.heartbeat({ ...info, state: 'ready' })).toBe(false);
  expect((await post(`/v1/workers/${id}/drain`)).json).toMatchObject({ id, state: 'draining', busy: 1 });
  await waitFor(() => signals.length === 1, { what: 'the signal' });
  expect(signals).toEqual([{ type: 'drain' }]);
  // Whoever missed the signal hears it with the next heartbeat.
  expect(await stand.worker.heartbeat({ ...info, state: 'ready' })).toBe(true);
  expect(((await call('/v1/workers')).json as { data: Worker[] }).data).toEqual([expect.objectContaining({ id, state: 'draining' })]);
  expect((await post(`/v1/workers/${id}/drain`)).status).toBe(200);
  for (const other of [newId('worker'), 'wrk_1:drain', '%2e%2e']) expect((await post(`/v1/workers/${other}/drain`)).status).toBe(404);
  await stand.worker.leave(id);
});
