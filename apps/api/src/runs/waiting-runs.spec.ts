// Runs that wait, over HTTP: what they tell, how somebody decides on them, and how the service behind them shows.
import { newId, Run, Status } from '@runyard/domain';
import type { Problem } from '@runyard/domain';
import { httpCall, waitFor } from '@runyard/testing';
import type { HttpAnswer } from '@runyard/testing';
import { expect, test } from 'vitest';
import { apiStand, problemOf, SUCCEEDED } from '../api-stand.fixture.js';

const CREDENTIAL = 'feedfacecafe0123456789ab';

const stand = apiStand({ api: { metricsPlace: { host: '127.0.0.1', port: 0 } } });
const { call, create, tickets } = stand;

const recover = (id: string, body: unknown): Promise<HttpAnswer> => call(`/v1/runs/${id}/recover`, { method: 'POST', body });
const show = async (id: string): Promise<Run> => Run.parse(await stand.show(id));
const metrics = async (): Promise<string> => (await httpCall(stand.api.metricsUrl ?? '', '/metrics')).text;

async function undecided(): Promise<Run> {
  const { id } = await create({ recovery: 'auto' });
  await stand.worker.park(await stand.claim(id, 1, CREDENTIAL), { waitingFor: 'recovery', left: 'recovery', detail: 'Bash was under way.' });
  return show(id);
}

test.each(['resume', 'restart'] as const)('%s puts a run that waits for recovery back into the queue, once, and a worker gets to know', async (action) => {
  const run = await undecided();
  expect(run).toMatchObject({ status: 'waiting', waiting_for: 'recovery', held: false, resumes_at: null, reason: 'Bash was under way.', worker_id: null });
  const answer = await recover(run.id, { action });
  expect([answer.status, Run.parse(answer.json)]).toMatchObject([200, { id: run.id, status: 'queued', waiting_for: null, reason: null }]);
  expect(await recover(run.id, { action })).toMatchObject({ status: 200 });
  expect((await tickets()).filter((ticket) => ticket.startsWith(run.id))).toContain(`${run.id}.2`);
  expect(await stand.worker.claim({ runId: run.id, dispatch: 2, workerId: newId('worker') })).toMatchObject({ kind: 'claimed', run: { decision: action, attempt: 2 } });
  expect(problemOf(await recover(run.id, { action }))).toEqual([409, 'conflict']);
});

test('abandon ends it as failed, and counts', async () => {
  const { id } = await undecided();
  const answer = await recover(id, { action: 'abandon' });
  expect([answer.status, answer.json]).toMatchObject([200, { status: 'failed', reason: 'worker_lost', failure: { code: 'worker_lost' } }]);
  expect(await metrics()).toMatch(/^runyard_runs_total\{.*status="failed",reason="worker_lost".*\} 1$/m);
  expect(problemOf(await recover(id, { action: 'resume' }))).toEqual([409, 'conflict']);
});

test('wrong ways to ask', async () => {
  const queued = await create();
  const answer = await recover(queued.id, { action: 'resume' });
  expect([...problemOf(answer), (answer.json as Problem).detail]).toEqual([409, 'conflict', expect.stringContaining('is queued')]);
  expect(problemOf(await recover(newId('run'), { action: 'resume' }))).toEqual([404, 'not_found']);
  expect(problemOf(await recover('nonsense', { action: 'resume' }))[0]).toBe(404);
  for (const body of [{}, { action: 'retry' }, { action: 'resume', more: 1 }, []]) expect((await recover(queued.id, body)).status).toBe(422);
  expect((await httpCall(stand.api.url, `/v1/runs/${queued.id}/recover`, { method: 'POST', body: { action: 'resume' } })).status).toBe(401);
  expect(problemOf(await call('/v1/runs', { body: { prompt: 'x', recovery: 'always' } }))).toEqual([422, 'invalid_request', 'recovery']);
  await call(`/v1/runs/${queued.id}/cancel`, { method: 'POST' });
});

test('a service that refuses: runs tell until when they wait, status and metrics tell of it, and they go on when it answers', async () => {
  const { id } = await create();
  const lease = await stand.claim(id, 1, CREDENTIAL);
  const { resumesAtMs } = await stand.worker.upstream.report(CREDENTIAL, { kind: 'quota', code: 'rate_limited', message: 'Limit reached.', retryAfterMs: 3_600_000 }, id);
  const next = await create();
  const waited = call(`/v1/runs/${next.id}`, { headers: { prefer: 'wait=60' } });
  expect(await stand.worker.claim({ runId: next.id, dispatch: 1, workerId: newId('worker'), credential: CREDENTIAL })).toEqual({ kind: 'parked' });
  const resumes_at = new Date(resumesAtMs).toISOString();
  expect((await waited).json).toMatchObject({ status: 'waiting', waiting_for: 'quota', held: false, resumes_at, reason: 'Limit reached.' });
  const answer = await recover(next.id, { action: 'resume' });
  expect([...problemOf(answer), (answer.json as Problem).detail]).toEqual([409, 'conflict', expect.stringContaining('waits for quota')]);

  const status = Status.parse((await call('/v1/status')).json);
  expect(status.waiting_for).toEqual({ permission: 0, recovery: 0, quota: 1, auth: 0 });
  expect(status.upstreams).toEqual([
    { credential: CREDENTIAL.slice(0, 12), state: 'open', kind: 'quota', code: 'rate_limited', message: 'Limit reached.', since: expect.any(String), until: resumes_at, failures: 1, waiting: 1 },
  ]);
  expect(await metrics()).toMatch(/^runyard_upstream_state\{.*credential="feedfacecafe",kind="quota".*\} 2$/m);
  expect(await metrics()).toMatch(/^runyard_runs_waiting\{.*waiting_for="quota".*\} 1$/m);
  expect(await metrics()).not.toContain(CREDENTIAL);

  await stand.worker.upstream.succeeded(CREDENTIAL, id);
  await stand.worker.finish(lease, SUCCEEDED);
  await waitFor(async () => (await tickets()).includes(`${next.id}.2`), { what: 'the ticket' });
  expect(await show(next.id)).toMatchObject({ status: 'queued', resumes_at: null, reason: null });
  expect(await metrics()).toMatch(/^runyard_upstream_state\{.*kind="quota".*\} 0$/m);
});
