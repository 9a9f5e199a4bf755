// Creating, listing, looking at and canceling runs, over HTTP on a real Redis.
import { mkdir } from 'node:fs/promises';
import { newId, Run } from '@runyard/domain';
import type { Outcome, Problem, RunList } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { apiStand, KEY } from '../api-stand.fixture.js';

const OUTCOME: Outcome = {
  status: 'succeeded', failure: null, result: 'done', structured_output: { answer: 42 }, usage: { input_tokens: 1, output_tokens: 2, cache_read_input_tokens: 3, cache_creation_input_tokens: 4 },
  cost_usd: 0.25, cost_estimated: false, num_turns: 2, duration_ms: 1234,
};
const ROOT = 'repository';

const stand = apiStand({ api: { demo: true }, settings: (dir) => ({ workspaceRoots: [`${dir}/${ROOT}`] }), prepare: (_, dir) => mkdir(`${dir}/${ROOT}`) });
const { call, create, show, claim, viewers } = stand;

test('a run is created with what was asked, and can be looked at', async () => {
  const body = {
    prompt: [{ type: 'text', text: 'Wörk 😀' }], name: 'first', model: 'opus', metadata: { team: 'a' }, tags: ['x', 'y'],
    workspace: { type: 'scratch', memory: false },
  };
  const answer = await call('/v1/runs', { body });
  expect(answer.status).toBe(201);
  const run = Run.parse(answer.json);
  expect(run).toMatchObject({ ...body, object: 'run', status: 'queued', queued_reason: 'capacity', trigger: 'api', attempt: 0, reason: null, result: null, failure: null, pending: [] });
  expect(answer.headers.location).toBe(`/v1/runs/${run.id}`);
  expect(run.urls).toEqual({ self: `/v1/runs/${run.id}`, events: `/v1/runs/${run.id}/events`, ui: null, diff: null });
  expect(await show(run.id)).toEqual(run);
});

test('a finished run shows its outcome', async () => {
  const { id } = await create();
  const lease = await claim(id);
  expect(await show(id)).toMatchObject({ status: 'running', attempt: 1, worker_id: lease.workerId, queued_reason: null });
  await stand.worker.noteModel(lease, 'claude-opus-9');
  await stand.worker.finish(lease, OUTCOME);
  const run = Run.parse(await show(id));
  expect(run).toMatchObject({ ...OUTCOME, model: 'claude-opus-9', reason: null });
  expect(run.ended_at).not.toBeNull();
  const failed = await claim((await create()).id);
  const failure = { code: 'max_turns' as const, message: 'Too many.', retryable: false };
  await stand.worker.finish(failed, { ...OUTCOME, status: 'failed', failure });
  expect(await show(failed.runId)).toMatchObject({ status: 'failed', reason: 'max_turns', failure });
});

test.each([
  [undefined, 'api'],
  ['api', 'api'],
  ['cli', 'cli'],
  ['ui', 'ui'],
])('the client %s makes the trigger %s', async (client, trigger) => {
  expect(await create({}, client === undefined ? {} : { 'x-runyard-client': client })).toMatchObject({ trigger });
});

test('an idempotency key makes one run, also for requests at the same time', async () => {
  const headers = { 'idempotency-key': 'job-1' };
  const answers = await Promise.all(Array.from({ length: 8 }, () => call('/v1/runs', { body: { prompt: 'once', tags: ['a'] }, headers })));
  expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 201));
  expect(new Set(answers.map((answer) => (answer.json as Run).id)).size).toBe(1);
  expect(answers.filter((answer) => answer.headers['idempotent-replayed'] === undefined)).toHaveLength(1);
  const reordered = await call('/v1/runs', { body: ' { "tags":["a"] , "prompt":"once" }', headers });
  expect(reordered.headers['idempotent-replayed']).toBe('true');
  const { id } = reordered.json as Run;
  await stand.worker.finish(await claim(id), OUTCOME);
  expect((await call('/v1/runs', { body: { prompt: 'once', tags: ['a'] }, headers })).json).toMatchObject({ id, status: 'succeeded' });
  const other = await call('/v1/runs', { body: { prompt: 'twice', tags: ['a'] }, headers });
  expect(other.json).toMatchObject({ status: 422, code: 'idempotency_key_reused', errors: [{ field: 'Idempotency-Key' }] });
});

test('a session goes on in its directory, unless the run says another one', async () => {
  const root = `${stand.dir.path}/${ROOT}`;
  const first = await create({ prompt: 'one', workspace: { type: 'directory', path: root, memory: false } });
  const second = await create({ prompt: 'two', session_id: first.session_id });
  expect(second.workspace).toEqual({ type: 'directory', path: root, memory: false });
  const forked = await create({ prompt: 'three', session_id: first.session_id, fork: true });
  expect(forked.workspace).toEqual(second.workspace);
  const elsewhere = await create({ prompt: 'four', session_id: first.session_id, workspace: { type: 'scratch' } });
  expect(elsewhere.workspace).toEqual({ type: 'scratch' });
});

test('a run of a busy session waits for its turn', async () => {
  const first = await create({ prompt: 'one' });
  const second = await create({ prompt: 'two', session_id: first.session_id });
  expect(second).toMatchObject({ session_id: first.session_id, status: 'queued', queued_reason: 'session' });
  await call(`/v1/runs/${first.id}/cancel`, { method: 'POST' });
  expect(await show(second.id)).toMatchObject({ status: 'queued', queued_reason: 'capacity' });
  await claim(second.id);
  const unknown = await call('/v1/runs', { body: { prompt: 'x', session_id: `ses_${'0'.repeat(32)}` } });
  expect(unknown.json).toMatchObject({ status: 422, code: 'session_not_found', errors: [{ field: 'session_id' }] });
});

test('lists are newest first, page without a gap, and can be narrowed', async () => {
  const made: string[] = [];
  for (let i = 0; i < 7; i++) made.unshift((await create({ prompt: `${i}` })).id);
  const seen: string[] = [];
  for (let page: string | null = ''; page !== null && seen.length < 7; ) {
    const list = (await call(`/v1/runs?limit=3${page && `&page=${page}`}`)).json as RunList;
    expect(list.data.length).toBeLessThanOrEqual(3);
    seen.push(...list.data.map((run) => run.id));
    page = list.next_page;
  }
  expect(seen.slice(0, 7)).toEqual(made);
  const [newest = ''] = made;
  await call(`/v1/runs/${newest}/cancel`, { method: 'POST' });
  const canceled = (await call('/v1/runs?status=canceled')).json as RunList;
  expect(canceled.data[0]?.id).toBe(newest);
  expect(canceled.data.every((run) => run.status === 'canceled')).toBe(true);
  const { session_id } = await show(newest);
  expect(((await call(`/v1/runs?session_id=${session_id}`)).json as RunList).data.map((run) => run.id)).toEqual([newest]);
  expect((await call('/v1/runs?session_id=ses_none')).json).toEqual({ data: [], next_page: null });
});

test('an unchanged run costs no body', async () => {
  const { id } = await create();
  const first = await call(`/v1/runs/${id}`);
  const tag = first.headers.etag ?? '';
  expect(tag).toMatch(/^"[\w-]+"$/);
  for (const same of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
    const again = await call(`/v1/runs/${id}`, { headers: { 'if-none-match': same } });
    expect([again.status, again.text, again.headers.etag]).toEqual([304, '', tag]);
  }
  await claim(id);
  const changed = await call(`/v1/runs/${id}`, { headers: { 'if-none-match': tag } });
  expect(changed.status).toBe(200);
  expect(changed.headers.etag).not.toBe(tag);
});

test('Prefer: wait answers when the run is over', async () => {
  const { id } = await create();
  const waiting = call(`/v1/runs/${id}`, { headers: { prefer: 'wait=60' } });
  const lease = await claim(id);
  await stand.worker.append(lease, 1, [{ type: 'claude.system', data: '{}' }]);
  await stand.worker.finish(lease, OUTCOME);
  const answer = await waiting;
  expect(answer.json).toMatchObject({ status: 'succeeded', result: 'done' });
  expect(answer.headers['preference-applied']).toBe('wait=60');
  expect((await call(`/v1/runs/${id}`, { headers: { prefer: 'wait=60' } })).json).toEqual(answer.json);
});

test('Prefer: wait on a create, and a time that is over before the run is', async () => {
  const short = await call('/v1/runs', { body: { prompt: 'x' }, headers: { prefer: 'respond-async, wait=0' } });
  expect([short.status, short.headers['preference-applied'], (short.json as Run).status]).toEqual([201, 'wait=0', 'queued']);
  const long = call('/v1/runs', { body: { prompt: 'x', name: 'waited for' }, headers: { prefer: 'wait=9999' } });
  const found = await waitFor(async () => ((await call('/v1/runs?limit=1')).json as RunList).data.find((run) => run.name === 'waited for'), { what: 'the run' });
  await stand.worker.finish(await claim(found.id), OUTCOME);
  const answer = await long;
  expect([answer.status, answer.headers['preference-applied'], (answer.json as Run).status]).toEqual([201, 'wait=60', 'succeeded']);
});

test('a client that waits and leaves is forgotten', async () => {
  const { id } = await create();
  const leave = new AbortController();
  const waiting = fetch(`${stand.api.url}/v1/runs/${id}`, { headers: { authorization: `Bearer ${KEY}`, prefer: 'wait=60' }, signal: leave.signal });
  const left = expect(waiting).rejects.toThrow('aborted');
  await waitFor(async () => (await viewers()) === 1, { what: 'the wait' });
  leave.abort();
  await left;
  await waitFor(async () => (await viewers()) === 0, { what: 'no wait' });
});

test('a stopping API answers those who wait with the run as it is', async () => {
  const { id } = await create();
  const other = await stand.start();
  const waiting = call(`/v1/runs/${id}`, { headers: { prefer: 'wait=60' } }, other);
  await waitFor(async () => (await viewers(other)) === 1, { what: 'the wait' });
  await other.close();
  expect((await waiting).json).toMatchObject({ id, status: 'queued' });
});

test('a queued run is canceled at once, a running one is asked to end, an ended one stays as it is', async () => {
  const queued = await create();
  const answer = await call(`/v1/runs/${queued.id}/cancel`, { method: 'POST' });
  expect(answer.status).toBe(200);
  expect(answer.json).toMatchObject({ id: queued.id, status: 'canceled' });
  const lease = await claim((await create()).id);
  const asked = (await call(`/v1/runs/${lease.runId}/cancel`, { body: '', headers: { 'content-type': 'application/json' } })).json as Run;
  expect(asked.status).toBe('running');
  expect(asked.cancel_requested_at).toMatch(/Z$/);
  const again = (await call(`/v1/runs/${lease.runId}/cancel`, { body: {} })).json as Run;
  expect(again.cancel_requested_at).toBe(asked.cancel_requested_at);
  expect(await stand.worker.renew(lease)).toMatchObject({ kind: 'renewed', cancelRequested: true });
  await stand.worker.finish(lease, OUTCOME);
  expect((await call(`/v1/runs/${lease.runId}/cancel`, { method: 'POST' })).json).toMatchObject({ status: 'succeeded' });
  const refused = (await call(`/v1/runs/${lease.runId}/cancel`, { body: { mode: 'kill' } })).json as Problem;
  expect(refused).toMatchObject({ status: 422, code: 'invalid_request' });
});

test('workers and the state of the service', async () => {
  const info = { id: newId('worker'), host: 'h', pid: 7, version: '1', claudeVersion: '2.1', capacity: 4, busy: 1, state: 'busy' as const, runIds: ['run_1'], startedAt: new Date().toISOString(), labels: { zone: 'a' } };
  await stand.worker.heartbeat(info);
  const { data } = (await call('/v1/workers')).json as { data: object[] };
  expect(data).toEqual([
    { id: info.id, host: 'h', pid: 7, version: '1', claude_version: '2.1', capacity: 4, busy: 1, state: 'busy', run_ids: ['run_1'], started_at: info.startedAt, last_seen_at: expect.stringMatching(/Z$/), labels: { zone: 'a' } },
  ]);
  expect((await call('/v1/status')).json).toMatchObject({
    object: 'status', demo: true, workers: { total: 1, ready: 0, busy: 1, draining: 0, lost: 0, capacity: 4 }, runs: { running: expect.any(Number) }, redis: { version: expect.stringMatching(/^\d/) },
  });
});
