// Requests about a run that was there before: retry in every form of answer, and Idempotency-Keys of runs that are gone.
import { Run } from '@runyard/domain';
import type { Problem, RunList } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import type { HttpAnswer } from '@runyard/testing';
import { describe, expect, test } from 'vitest';
import { onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

let call: ApiStand['call'];

onApiStand((stand) => ({ call } = stand));

const cancel = (id: string): Promise<HttpAnswer> => call(`/v1/runs/${id}/cancel`, { method: 'POST' });
const total = async (): Promise<number> => ((await call('/v1/runs?limit=100')).json as RunList).data.length;

async function canceled(): Promise<Run> {
  const { id } = (await call('/v1/runs', { body: { prompt: 'again' } })).json as Run;
  return (await cancel(id)).json as Run;
}

const theQueuedOne = (): Promise<Run> => waitFor(async () => ((await call('/v1/runs?status=queued')).json as RunList).data[0], { what: 'the new run' });

describe('retry', () => {
  test.each(['null', 'false', '0', '""', '[]'])('with the body %s makes nothing', async (body) => {
    const { id } = await canceled();
    const before = await total();
    const { status, json } = await call(`/v1/runs/${id}/retry`, { body });
    expect([status, json]).toMatchObject([422, { code: 'invalid_request', errors: [{ field: 'body' }] }]);
    expect(await total()).toBe(before);
  });

  test('with no body, an empty one and {} makes a run', async () => {
    const { id } = await canceled();
    const path = `/v1/runs/${id}/retry`;
    for (const answer of [await call(path, { method: 'POST' }), await call(path, { body: {} }), await call(path, { method: 'POST', headers: { 'content-length': '0' } })]) {
      expect([answer.status, Run.parse(answer.json).retry_of]).toEqual([201, id]);
      await cancel((answer.json as Run).id);
    }
  });

  test('with Prefer: wait it answers when the new run is settled', async () => {
    const { id } = await canceled();
    const asked = call(`/v1/runs/${id}/retry`, { method: 'POST', headers: { prefer: 'wait=60' } });
    const made = await theQueuedOne();
    await cancel(made.id);
    const answer = await asked;
    expect([answer.status, answer.headers['preference-applied'], answer.headers.location, answer.json]).toMatchObject([201, 'wait=60', `/v1/runs/${made.id}`, { id: made.id, status: 'canceled', retry_of: id }]);
  });

  test('with Accept: text/event-stream it answers with the events of the new run', async () => {
    const { id } = await canceled();
    const asked = call(`/v1/runs/${id}/retry`, { method: 'POST', headers: { accept: 'text/event-stream' } });
    const made = await theQueuedOne();
    await cancel(made.id);
    const answer = await asked;
    expect([answer.status, answer.headers['content-type'], answer.headers.location]).toMatchObject([201, expect.stringContaining('text/event-stream'), `/v1/runs/${made.id}`]);
    expect(answer.text).toMatch(/^event: run\.queued$[^]*^event: run\.finished$/m);
  });

  test('a wait that cannot be read makes nothing', async () => {
    const { id } = await canceled();
    const before = await total();
    const { status, json } = await call(`/v1/runs/${id}/retry`, { method: 'POST', headers: { prefer: 'wait=soon' } });
    expect([status, json]).toMatchObject([400, { errors: [{ field: 'Prefer' }] }]);
    expect(await total()).toBe(before);
  });
});

test('an Idempotency-Key whose run was deleted: refused in words that are true, and no second run', async () => {
  const headers = { 'idempotency-key': 'of-a-run-that-goes' };
  const post = (body: object): Promise<HttpAnswer> => call('/v1/runs', { body, headers });
  const { id } = (await post({ prompt: 'x' })).json as Run;
  await cancel(id);
  expect((await call(`/v1/runs/${id}`, { method: 'DELETE' })).status).toBe(204);
  const before = await total();
  for (const answer of [await post({ prompt: 'x' }), await post({ prompt: 'y' })]) {
    const problem = answer.json as Problem;
    expect([answer.status, problem.code, problem.errors?.map(({ field }) => field)]).toEqual([422, 'idempotency_key_reused', ['Idempotency-Key']]);
    // Nowhere the bare claim that the body was another one.
    expect(`${problem.title}. ${problem.detail}`).not.toMatch(/another body(?!, or)/);
    expect(problem.errors?.[0]?.message).toMatch(/run was deleted.*use a new key/);
  }
  expect(await total()).toBe(before);
});
