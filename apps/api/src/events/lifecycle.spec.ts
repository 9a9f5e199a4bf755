// Streams that do not begin with the id of a run: of all runs, and of one that the same request creates.
import type { IncomingMessage } from 'node:http';
import type { Run } from '@runyard/domain';
import { httpCall, waitFor } from '@runyard/testing';
import type { HttpCall } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { apiStand, SUCCEEDED } from '../api-stand.fixture.js';
import type { RunningApi } from '../start-api.js';
import { frames } from './frames.fixture.js';

const stand = apiStand({ api: { streamTimes: { heartbeatMs: 50, stallMs: 60_000 } } });
let other: RunningApi;

beforeAll(async () => {
  other = await stand.start();
});
afterAll(() => other?.close());

const { call } = stand;
const create = async (at = stand.api): Promise<Run> => (await call('/v1/runs', { body: { prompt: 'go' } }, at)).json as Run;
const finish = async (runId: string): Promise<unknown> => stand.worker.finish(await stand.claim(runId), SUCCEEDED);

interface Watched {
  readonly response: IncomingMessage;
  readonly frames: { readonly id: string; readonly event: string; readonly data: { run_id?: string; type?: string; id?: string } }[];
  /** Whatever is no frame with an event. */
  readonly others: string[];
  readonly ended: Promise<void>;
}

async function watch(path: string, options: HttpCall = {}, at = stand.api): Promise<Watched> {
  const response = await stand.open(path, { ...options, headers: { accept: 'text/event-stream', ...options.headers } }, at);
  onTestFinished(() => void response.destroy());
  const seen: Watched['frames'][number][] = [];
  const others: string[] = [];
  return { response, frames: seen, others, ended: read() };

  async function read(): Promise<void> {
    try {
      for await (const { id, event, data } of frames(response, others)) seen.push({ id, event, data: JSON.parse(data) });
    } catch {
      // the test has left
    }
  }
}

const of = (watched: Watched) => watched.frames.map(({ event, data }) => `${data.run_id} ${event}`);

test('what happens to all runs, through any API process; resumed without a gap at another one', async () => {
  const live = await watch('/v1/events');
  expect([live.response.statusCode, live.response.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
  await waitFor(() => live.others.length > 0, { what: 'the head' });
  expect(live.others[0]).toMatch(/^retry: 1000\nid: \d+$/);
  const [a, b] = [await create(), await create(other)];
  await finish(a.id);
  await waitFor(() => live.frames.length === 4, { what: 'four events' });
  expect(of(live)).toEqual([`${a.id} run.queued`, `${b.id} run.queued`, `${a.id} run.started`, `${a.id} run.finished`]);
  expect(live.frames[3]?.data).toMatchObject({ id: '1-3', run_id: a.id, type: 'run.finished', data: SUCCEEDED });
  for (const options of [{ headers: { 'last-event-id': live.frames[0]?.id } }, { headers: { 'last-event-id': '' } }]) {
    const after = options.headers['last-event-id'] === '' ? `?after=${live.frames[0]?.id}` : '';
    const resumed = await watch(`/v1/events${after}`, options, other);
    await waitFor(() => resumed.frames.length === 3, { what: 'the rest' });
    expect(resumed.frames).toEqual(live.frames.slice(1));
  }
  await waitFor(() => live.others.includes(': keep-alive'), { what: 'a heartbeat' });
});

test.each(['99999999999999', '7', '1-42', 'garbage', '-1'])('after the unknown id %s: reset, then live', async (id) => {
  await create();
  const live = await watch('/v1/events', { headers: { 'last-event-id': id } });
  await waitFor(() => live.frames.length === 1, { what: 'the reset' });
  expect(live.frames[0]?.event).toBe('reset');
  const { id: runId } = await create();
  await waitFor(() => live.frames.length === 2, { what: 'the next event' });
  expect(live.frames[1]?.data.run_id).toBe(runId);
});

test('only as a stream, and only with the key', async () => {
  expect((await call('/v1/events', { headers: { accept: 'application/json' } })).status).toBe(406);
  expect((await call('/v1/events?colour=red', { headers: { accept: 'text/event-stream' } })).status).toBe(400);
  expect((await httpCall(stand.api.url, '/v1/events')).status).toBe(401);
});

test('a create that accepts a stream is the stream of the new run, from its first event to its end', async () => {
  const stream = await watch('/v1/runs', { body: { prompt: 'go' } });
  const { statusCode, headers } = stream.response;
  expect([statusCode, headers['content-type']]).toEqual([201, 'text/event-stream; charset=utf-8']);
  const runId = String(headers.location).replace('/v1/runs/', '');
  await waitFor(() => stream.frames.length === 1, { what: 'the first event' });
  await finish(runId);
  await stream.ended;
  expect(stream.frames.map(({ id, event }) => `${id} ${event}`)).toEqual(['0-1 run.queued', '1-2 run.started', '1-3 run.finished']);
});

test('the same with an Idempotency-Key that is known: the stream of the first run', async () => {
  const headers = { 'idempotency-key': 'streamed' };
  const first = (await call('/v1/runs', { body: { prompt: 'go' }, headers })).json as Run;
  const again = await watch('/v1/runs', { body: { prompt: 'go' }, headers });
  expect([again.response.headers.location, again.response.headers['idempotent-replayed']]).toEqual([`/v1/runs/${first.id}`, 'true']);
  await waitFor(() => again.frames.length === 1, { what: 'the first event' });
  expect(again.frames[0]?.data.run_id).toBe(first.id);
});

test('who leaves the stream does not cancel the run; what is wrong is told as a problem, not as a stream', async () => {
  const stream = await watch('/v1/runs', { body: { prompt: 'go' } });
  stream.response.destroy();
  const path = String(stream.response.headers.location);
  await waitFor(async () => (await stand.viewers()) === 0, { what: 'the API to notice' });
  expect((await call(path)).json).toMatchObject({ status: 'queued', cancel_requested_at: null });
  const refused = await call('/v1/runs', { body: { prompt: '' }, headers: { accept: 'text/event-stream' } });
  expect([refused.status, refused.headers['content-type']]).toEqual([422, 'application/problem+json; charset=utf-8']);
});
