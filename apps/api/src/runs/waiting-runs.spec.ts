// Runs that wait, over HTTP: what they tell, how somebody decides on them, and how the service behind them shows.
import { newId, Run } from '@runyard/domain';
import { Status } from '@runyard/domain';
import type { Outcome, Problem } from '@runyard/domain';
import type { RunStore } from '@runyard/run-store';
import type { Lease } from '@runyard/run-store';
import { httpCall, redisCommand, waitFor } from '@runyard/testing';
import type { HttpAnswer, TestRedis } from '@runyard/testing';
import { expect, test, vi } from 'vitest';
import type { RunningApi } from '../start-api.js';
import { onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

vi.setConfig({ testTimeout: 60_000 });

const CREDENTIAL = 'feedfacecafe0123456789ab';
const SUCCEEDED: Outcome = {
  status: 'succeeded', failure: null, result: 'done', structured_output: null, usage: null, cost_usd: 0, cost_estimated: false, num_turns: 1, duration_ms: 1,
};
let redis: TestRedis;
let api: RunningApi;
let worker: RunStore;
let call: ApiStand['call'];

onApiStand((stand) => ({ redis, api, worker, call } = stand), { api: { metricsPlace: { host: '127.0.0.1', port: 0 } } });

const recover = (id: string, body: unknown): Promise<HttpAnswer> => call(`/v1/runs/${id}/recover`, { method: 'POST', body });
const problem = ({ status, json }: HttpAnswer) => [status, (json as Problem).code, ...((json as Problem).errors ?? []).map(({ field }) => field)];
const show = async (id: string): Promise<Run> => Run.parse((await call(`/v1/runs/${id}`)).json);
const tickets = async (): Promise<string[]> => (await redisCommand(redis.connection, 'ZRANGE', 'runyard:bull:runs:prioritized', '0', '-1')) as string[];
const create = async (fields: object = {}): Promise<Run> => (await call('/v1/runs', { body: { prompt: 'go', ...fields } })).json as Run;
const metrics = async (): Promise<string> => (await httpCall(api.metricsUrl ?? '', '/metrics')).text;

async function claimed(runId: string, dispatch = 1): Promise<Lease> {
  const answer = await worker.claim({ runId, dispatch, workerId: newId('worker'), credential: CREDENTIAL });
  if (answer.kind !== 'claimed') throw new Error(`claim answered ${answer.kind}`);
  return { runId, attempt: answer.run.attempt, workerId: answer.run.workerId ?? '' };
}
async function undecided(): Promise<Run> {
  const { id } = await create({ recovery: 'auto' });
  await worker.park(await claimed(id), { waitingFor: 'recovery', left: 'recovery', detail: 'Bash was under way.' });
  return show(id);
}

test.each(['resume', 'restart'] as const)('%s puts a run that waits for recovery back into the queue, once, and a worker gets to know', async (action) => {
  const run = await undecided();
  expect(run).toMatchObject({ status: 'waiting', waiting_for: 'recovery', held: false, resumes_at: null, reason: 'Bash was under way.', worker_id: null });
  const answer = await recover(run.id, { action });
  expect([answer.status, Run.parse(answer.json)]).toMatchObject([200, { id: run.id, status: 'queued', waiting_for: null, reason: null }]);
  expect(await recover(run.id, { action })).toMatchObject({ status: 200 });
  expect((await tickets()).filter((ticket) => ticket.startsWith(run.id))).toContain(`${run.id}.2`);
  expect(await worker.claim({ runId: run.id, dispatch: 2, workerId: newId('worker') })).toMatchObject({ kind: 'claimed', run: { decision: action, attempt: 2 } });
  expect(problem(await recover(run.id, { action }))).toEqual([409, 'conflict']);
});

test('abandon ends it as failed, and counts', async () => {
  const { id } = await undecided();
  const answer = await recover(id, { action: 'abandon' });
  expect([answer.status, answer.json]).toMatchObject([200, { status: 'failed', reason: 'worker_lost', failure: { code: 'worker_lost' } }]);
  expect(await metrics()).toMatch(/^runyard_runs_total\{.*status="failed",reason="worker_lost".*\} 1$/m);
  expect(problem(await recover(id, { action: 'resume' }))).toEqual([409, 'conflict']);
});

test('wrong ways to ask', async () => {
  const queued = await create();
  const answer = await recover(queued.id, { action: 'resume' });
  expect([...problem(answer), (answer.json as Problem).detail]).toEqual([409, 'conflict', expect.stringContaining('is queued')]);
  expect(problem(await recover(newId('run'), { action: 'resume' }))).toEqual([404, 'not_found']);
  expect(problem(await recover('nonsense', { action: 'resume' }))[0]).toBe(404);
  for (const body of [{}, { action: 'retry' }, { action: 'resume', more: 1 }, []]) expect((await recover(queued.id, body)).status).toBe(422);
  expect((await httpCall(api.url, `/v1/runs/${queued.id}/recover`, { method: 'POST', body: { action: 'resume' } })).status).toBe(401);
  expect(problem(await call('/v1/runs', { body: { prompt: 'x', recovery: 'always' } }))).toEqual([422, 'invalid_request', 'recovery']);
  await call(`/v1/runs/${queued.id}/cancel`, { method: 'POST' });
});

test('a service that refuses: runs tell until when they wait, status and metrics tell of it, and they go on when it answers', async () => {
  const { id } = await create();
  const lease = await claimed(id);
  const { resumesAtMs } = await worker.upstream.report(CREDENTIAL, { kind: 'quota', code: 'rate_limited', message: 'Limit reached.', retryAfterMs: 3_600_000 }, id);
  const next = await create();
  const waited = call(`/v1/runs/${next.id}`, { headers: { prefer: 'wait=60' } });
  expect(await worker.claim({ runId: next.id, dispatch: 1, workerId: newId('worker'), credential: CREDENTIAL })).toEqual({ kind: 'parked' });
  const resumes_at = new Date(resumesAtMs).toISOString();
  expect((await waited).json).toMatchObject({ status: 'waiting', waiting_for: 'quota', held: false, resumes_at, reason: 'Limit reached.' });
  const answer = await recover(next.id, { action: 'resume' });
  expect([...problem(answer), (answer.json as Problem).detail]).toEqual([409, 'conflict', expect.stringContaining('waits for quota')]);

  const status = Status.parse((await call('/v1/status')).json);
  expect(status.waiting_for).toEqual({ permission: 0, recovery: 0, quota: 1, auth: 0 });
  expect(status.upstreams).toEqual([
    { credential: CREDENTIAL.slice(0, 12), state: 'open', kind: 'quota', code: 'rate_limited', message: 'Limit reached.', since: expect.any(String), until: resumes_at, failures: 1, waiting: 1 },
  ]);
  expect(await metrics()).toMatch(/^runyard_upstream_state\{.*credential="feedfacecafe",kind="quota".*\} 2$/m);
  expect(await metrics()).toMatch(/^runyard_runs_waiting\{.*waiting_for="quota".*\} 1$/m);
  expect(await metrics()).not.toContain(CREDENTIAL);

  await worker.upstream.succeeded(CREDENTIAL, id);
  await worker.finish(lease, SUCCEEDED);
  await waitFor(async () => (await tickets()).includes(`${next.id}.2`), { what: 'the ticket' });
  expect(await show(next.id)).toMatchObject({ status: 'queued', resumes_at: null, reason: null });
  expect(await metrics()).toMatch(/^runyard_upstream_state\{.*kind="quota".*\} 0$/m);
});
