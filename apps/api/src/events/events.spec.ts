// Following a run over HTTP: nothing missing, nothing twice, bytes unchanged, whatever the form.
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { newId, Run } from '@runyard/domain';
import type { Outcome } from '@runyard/domain';
import type { Lease, NewEvent } from '@runyard/run-store';
import { redisCommand, waitFor } from '@runyard/testing';
import type { HttpCall } from '@runyard/testing';
import { expect, test } from 'vitest';
import { apiStand, SUCCEEDED } from '../api-stand.fixture.js';
import { frames } from './frames.fixture.js';
import type { Frame } from './frames.fixture.js';

const OUTCOME: Outcome = { ...SUCCEEDED, result: 'All done.', cost_usd: 0.01, duration_ms: 5 };
const TIMES = { heartbeatMs: 20, stallMs: 60_000 };

const stand = apiStand({ api: { streamTimes: TIMES } });
const { call } = stand;

const open = (path: string, accept: string, headers: HttpCall['headers'] = {}, at = stand.api): Promise<IncomingMessage> => stand.open(path, { headers: { accept, ...headers } }, at);

/** Creates a run over HTTP and claims it as a worker would. */
const claimedRun = async (): Promise<Lease> => stand.claim((await stand.create()).id);

const line = (type: string, more = ''): NewEvent => ({ type: `claude.${type}`, data: `{"type":"${type}"${more}}` });
const text = (words: string, more = ''): NewEvent => line('assistant', `,"message":{"content":[{"type":"text","text":${JSON.stringify(words)}}]}${more}`);

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of source) found.push(item);
  return found;
}

/** The live stream is kept a minute beside the compacted log; a minute later it is gone. */
async function forgetStream(runId: string): Promise<void> {
  expect(await redisCommand(stand.redis.connection, 'DEL', `runyard:run:${runId}:events`)).toBe(1);
}

/** Bytes in use after collecting garbage. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

test('a stream begins with history, goes on live and ends after run.finished', async () => {
  const run = await claimedRun();
  const others: string[] = [];
  const response = await open(`/v1/runs/${run.runId}/events`, 'text/event-stream');
  expect(response.statusCode).toBe(200);
  expect(response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no', 'x-content-type-options': 'nosniff',
  });
  expect(response.headers['x-request-id']).toMatch(/^req_/);
  const reading = all(frames(response, others));
  const odd = '{ "z":1,"type" :"system", "text":"\\u00e9 😀 \\/", "n":1.0e+2, "n":2 }';
  await stand.worker.append(run, 1, [{ type: 'claude.system', data: odd }, line('stream_event')]);
  await stand.worker.append(run, 2, [text('hi')]);
  await stand.worker.finish(run, OUTCOME);
  const seen = await reading;
  expect(seen.map((frame) => [frame.id, frame.event])).toEqual([
    ['0-1', 'run.queued'], ['1-2', 'run.started'], ['1-3', 'claude.system'], ['1-4', 'claude.stream_event'], ['1-5', 'claude.assistant'], ['1-6', 'run.finished'],
  ]);
  expect(others[0]).toBe('retry: 1000');
  const envelope = JSON.parse(seen[0]?.data ?? '') as object;
  expect(Object.keys(envelope)).toEqual(['id', 'run_id', 'ts', 'type', 'data']);
  expect(seen[2]?.data).toMatch(new RegExp(`^\\{"id":"1-3","run_id":"${run.runId}","ts":"[^"]+Z","type":"claude.system","data":`));
  expect(seen[2]?.data.endsWith(`"data":${odd}}`)).toBe(true);
  expect((JSON.parse(seen[5]?.data ?? '') as { data: Outcome }).data.result).toBe('All done.');
});

test('a reader may resume after every event, live, finished and compacted, by header and by query', async () => {
  const run = await claimedRun();
  await stand.worker.append(run, 1, [line('system'), line('stream_event'), text('a'), line('stream_event'), text('b')]);
  const path = `/v1/runs/${run.runId}/events`;
  const live = await open(path, 'text/event-stream');
  const reading = all(frames(live));
  await stand.worker.finish(run, OUTCOME);
  const whole = await reading;
  expect(whole).toHaveLength(8);
  for (const compacted of [false, true]) {
    if (compacted) {
      await stand.worker.compact(run.runId);
      await forgetStream(run.runId);
    }
    const kept = whole.filter((frame) => !compacted || frame.event !== 'claude.stream_event');
    for (const { id } of whole.slice(0, -1)) {
      const expected = kept.slice(kept.findLastIndex((frame) => Number(frame.id.split('-')[1]) <= Number(id.split('-')[1])) + 1);
      expect(await all(frames(await open(path, 'text/event-stream', { 'last-event-id': id })))).toEqual(expected);
      expect(await all(frames(await open(`${path}?after=${id}`, 'text/event-stream')))).toEqual(expected);
    }
    const last = whole.at(-1)?.id ?? '';
    expect((await call(path, { headers: { accept: 'text/event-stream', 'last-event-id': last } })).status).toBe(204);
    expect((await call(`${path}?after=9-999`, { headers: { accept: 'text/event-stream' } })).status).toBe(204);
    expect(await all(frames(await open(`${path}?after=9-999`, 'text/event-stream', { 'last-event-id': '0-1' })))).toEqual(kept.slice(1));
  }
});

test('a live stream resumed after its latest event waits for the next one', async () => {
  const run = await claimedRun();
  const response = await open(`/v1/runs/${run.runId}/events`, 'text/event-stream', { 'last-event-id': '1-2' });
  const reading = all(frames(response));
  await stand.worker.finish(run, OUTCOME);
  expect((await reading).map((frame) => frame.id)).toEqual(['1-3']);
});

test('comments keep a quiet stream alive', async () => {
  const run = await claimedRun();
  const others: string[] = [];
  const reading = all(frames(await open(`/v1/runs/${run.runId}/events`, 'text/event-stream'), others));
  await waitFor(() => others.filter((block) => block.startsWith(':')).length >= 3, { what: 'three heartbeats' });
  await stand.worker.finish(run, OUTCOME);
  await reading;
});

test('deltas=0 leaves partial text out of every form', async () => {
  const run = await claimedRun();
  await stand.worker.append(run, 1, [line('stream_event'), text('a'), line('stream_event')]);
  await stand.worker.finish(run, OUTCOME);
  const path = `/v1/runs/${run.runId}/events?deltas=0`;
  const expected = ['run.queued', 'run.started', 'claude.assistant', 'run.finished'];
  expect((await all(frames(await open(path, 'text/event-stream')))).map((frame) => frame.event)).toEqual(expected);
  expect(((await call(path)).json as { data: { type: string }[] }).data.map((event) => event.type)).toEqual(expected);
  expect((await call(path, { headers: { accept: 'application/x-ndjson' } })).text.trim().split('\n')).toHaveLength(1);
});

test('NDJSON has the own lines of the CLI, byte for byte, live until the end', async () => {
  const run = await claimedRun();
  const lines = ['{"type":"system","a":[1, 2]}', '{"type":"brand_new","x":"\\ud83d\\ude00 é"}', `{"type":"assistant","long":"${'€'.repeat(100_000)}"}`, '{"type":"result"  }'];
  const response = await open(`/v1/runs/${run.runId}/events`, 'application/x-ndjson');
  expect(response.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
  const reading = all(response as AsyncIterable<Buffer>);
  let flush = 0;
  for (const data of lines) await stand.worker.append(run, ++flush, [{ type: `claude.${/"type":"(\w+)"/.exec(data)?.[1] ?? ''}`, data }, { type: 'log.stderr', data: '{"text":"noise"}' }]);
  await stand.worker.finish(run, OUTCOME);
  const expected = Buffer.from(lines.map((data) => `${data}\n`).join(''));
  expect(Buffer.concat(await reading).equals(expected)).toBe(true);
  expect((await call(`/v1/runs/${run.runId}/events`, { headers: { accept: 'application/x-ndjson' } })).body.equals(expected)).toBe(true);
});

test('pages follow one another without a gap and end with null', async () => {
  const run = await claimedRun();
  await stand.worker.append(run, 1, Array.from({ length: 20 }, (_, i) => line('x', `,"n":${i}`)));
  const ids: string[] = [];
  for (let page: string | null = ''; page !== null; ) {
    const { json } = await call(`/v1/runs/${run.runId}/events?limit=7${page && `&page=${page}`}`);
    const list = json as { data: { id: string }[]; next_page: string | null };
    expect(list.data.length).toBeLessThanOrEqual(7);
    ids.push(...list.data.map((event) => event.id));
    page = list.next_page;
  }
  expect(ids).toEqual(Array.from({ length: 22 }, (_, i) => (i === 0 ? '0-1' : `1-${i + 1}`)));
  const after = await call(`/v1/runs/${run.runId}/events?after=${ids.at(-1)}`);
  expect(after.json).toEqual({ data: [], next_page: null });
});

test.each([10, 300, 5_000, 70_000])('events of %i bytes come in bursts, and each of them arrives', async (size) => {
  const run = await claimedRun();
  const path = `/v1/runs/${run.runId}/events`;
  const live = Promise.all([open(path, 'text/event-stream'), open(path, 'application/x-ndjson')]);
  const reading = live.then(([events, lines]) => Promise.all([all(frames(events)), all(lines as AsyncIterable<Buffer>)]));
  const count = Math.min(2000, Math.ceil(2_000_000 / size));
  for (let flush = 1; flush <= 4; flush++) await stand.worker.append(run, flush, Array.from({ length: count / 4 }, (_, n) => line('assistant', `,"f":${flush},"n":${n},"p":"${'x'.repeat(size)}"`)));
  await stand.worker.finish(run, OUTCOME);
  const [seen, lines] = await reading;
  const total = Math.floor(count / 4) * 4;
  expect(seen.map((frame) => Number(frame.id.split('-')[1]))).toEqual(Array.from({ length: total + 3 }, (_, i) => i + 1));
  expect(Buffer.concat(lines).toString().trim().split('\n')).toHaveLength(total);
  expect(await all(frames(await open(path, 'text/event-stream')))).toEqual(seen);
});

test('a reader that does not read costs bounded memory, and misses nothing when it reads again', async () => {
  const run = await claimedRun();
  const response = await open(`/v1/runs/${run.runId}/events`, 'text/event-stream');
  response.pause();
  const padding = 'x'.repeat(64 * 1024);
  const before = memoryInUse();
  for (let flush = 1; flush <= 40; flush++) await stand.worker.append(run, flush, Array.from({ length: 10 }, () => line('assistant', `,"p":"${padding}"`)));
  await stand.worker.finish(run, OUTCOME);
  // 26 MB were written. While others read all of it, what this one does not read must not pile up here.
  const expected = Array.from({ length: 403 }, (_, i) => i + 1);
  const seqs = async (from: IncomingMessage): Promise<number[]> => {
    const body = Buffer.concat(await all(from as AsyncIterable<Buffer>)).toString('latin1');
    return [...body.matchAll(/^id: \d+-(\d+)$/gm)].map((match) => Number(match[1]));
  };
  for (let reader = 0; reader < 2; reader++) expect(await seqs(await open(`/v1/runs/${run.runId}/events`, 'text/event-stream'))).toEqual(expected);
  await waitFor(() => memoryInUse() - before < 12 * 2 ** 20, { what: 'memory to be given back' });
  expect(((await call('/v1/status')).json as { viewers: number }).viewers).toBe(1);
  expect(await seqs(response)).toEqual(expected);
});

test('a reader that takes nothing for too long is cut off', async () => {
  const other = await stand.start({ streamTimes: { ...TIMES, stallMs: 50 } });
  const run = await claimedRun();
  const response = await open(`/v1/runs/${run.runId}/events`, 'application/x-ndjson', {}, other);
  response.pause();
  response.on('error', () => undefined);
  const closed = new Promise((resolve) => response.once('close', resolve));
  for (let flush = 1; flush <= 20; flush++) await stand.worker.append(run, flush, Array.from({ length: 16 }, () => line('assistant', `,"p":"${'x'.repeat(64 * 1024)}"`)));
  await waitFor(async () => (await stand.viewers(other)) === 0, { what: 'the reader to be cut off' });
  response.resume();
  await closed;
  expect(response.complete).toBe(false);
  await stand.worker.finish(run, OUTCOME);
  await other.close();
});

test('viewers are counted while they watch, and forgotten when they leave', async () => {
  const viewers = async (): Promise<number> => ((await call('/v1/status')).json as { viewers: number }).viewers;
  const run = await claimedRun();
  await waitFor(async () => (await viewers()) === 0, { what: 'no viewers' });
  const responses = await Promise.all(['text/event-stream', 'application/x-ndjson'].map((accept) => open(`/v1/runs/${run.runId}/events`, accept)));
  const output = await open(`/v1/runs/${run.runId}/output`, '*/*');
  await waitFor(async () => (await viewers()) === 3, { what: 'three viewers' });
  for (const response of [...responses, output]) response.destroy();
  await waitFor(async () => (await viewers()) === 0, { what: 'no viewers again' });
});

test('the output grows message by message, and is the result in the end', async () => {
  const run = await claimedRun();
  const path = `/v1/runs/${run.runId}/output`;
  const response = await open(path, 'text/plain');
  expect(response.headers['content-type']).toBe('text/plain; charset=utf-8');
  let seen = '';
  const reading = (async () => {
    for await (const chunk of response.setEncoding('utf8')) seen += chunk;
  })();
  await stand.worker.append(run, 1, [text('First, I look.'), line('stream_event'), text('among agents', ',"parent_tool_use_id":"toolu_1"')]);
  await waitFor(() => seen === 'First, I look.\n', { what: 'the first message' });
  await stand.worker.append(run, 2, [text('Then 😀.')]);
  await stand.worker.finish(run, OUTCOME);
  await reading;
  expect(seen).toBe('First, I look.\n\nThen 😀.\n');
  expect((await call(path)).text).toBe('All done.\n');
  const failed = await claimedRun();
  await stand.worker.append(failed, 1, [text('I tried.')]);
  await stand.worker.finish(failed, { ...OUTCOME, status: 'canceled', result: null });
  expect((await call(`/v1/runs/${failed.runId}/output`)).text).toBe('I tried.\n');
});

test('a log that is lost is said to be lost, once', async () => {
  const run = await claimedRun();
  await stand.worker.append(run, 1, [line('assistant', `,"noise":"${randomBytes(100_000).toString('base64')}"`)]);
  await stand.worker.finish(run, OUTCOME);
  await stand.worker.compact(run.runId);
  await forgetStream(run.runId);
  await rm(`${stand.dir.path}/runs/${run.runId}/log.zst`);
  const path = `/v1/runs/${run.runId}/events`;
  const [reset, ...more] = await all(frames(await open(path, 'text/event-stream')));
  expect(more).toEqual([]);
  expect(reset).toMatchObject({ id: '1-4', event: 'reset' });
  expect(Run.parse(JSON.parse(reset?.data ?? ''))).toMatchObject({ id: run.runId, status: 'succeeded' });
  expect((await call(path, { headers: { accept: 'text/event-stream', 'last-event-id': '1-4' } })).status).toBe(204);
  for (const accept of ['application/json', 'application/x-ndjson']) expect((await call(path, { headers: { accept } })).json).toMatchObject({ status: 500, code: 'internal' });
  expect((await call(`/v1/runs/${run.runId}/output`)).text).toBe('All done.\n');
});

test.each([
  ['?after=x', {}, 400, 'after'],
  ['?page=1', {}, 400, 'page'],
  ['?after=1-1&page=1-1', {}, 400, 'page'],
  ['?limit=0', {}, 400, 'limit'],
  ['?deltas=maybe', {}, 400, 'deltas'],
  ['?since=1', {}, 400, 'since'],
  ['', { 'last-event-id': 'abc' }, 400, 'Last-Event-ID'],
])('%s with %j is refused with %i', async (query, headers, status, field) => {
  const run = await claimedRun();
  const answer = await call(`/v1/runs/${run.runId}/events${query}`, { headers: { accept: 'text/event-stream', ...headers } });
  expect(answer.status).toBe(status);
  expect(answer.json).toMatchObject({ code: 'invalid_parameter', errors: [{ field }] });
});

test('unknown runs and unknown forms', async () => {
  for (const accept of ['text/event-stream', 'application/x-ndjson', 'application/json']) {
    for (const id of [newId('run'), 'nonsense', 'run_x:events', '*']) {
      expect((await call(`/v1/runs/${id}/events`, { headers: { accept } })).json).toMatchObject({ status: 404, code: 'not_found' });
    }
  }
  expect((await call(`/v1/runs/${newId('run')}/output`)).status).toBe(404);
  const run = await claimedRun();
  expect((await call(`/v1/runs/${run.runId}/events`, { headers: { accept: 'application/pdf' } })).json).toMatchObject({ status: 406, code: 'not_acceptable' });
  for (const form of ['text/event-stream', 'application/x-ndjson', 'application/json']) {
    const head = await call(`/v1/runs/${run.runId}/events`, { method: 'HEAD', headers: { accept: form } });
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers['content-type']).toContain(form);
  }
});

test('shutting down ends streams so that their readers come back, and breaks off forms that cannot say so', async () => {
  const other = await stand.start();
  const run = await claimedRun();
  await stand.worker.append(run, 1, [text('a')]);
  const others: string[] = [];
  const [events, lines] = await Promise.all([
    open(`/v1/runs/${run.runId}/events`, 'text/event-stream', {}, other),
    open(`/v1/runs/${run.runId}/events`, 'application/x-ndjson', {}, other),
  ]);
  const seen: Frame[] = [];
  const reading = (async () => {
    for await (const frame of frames(events, others)) seen.push(frame);
  })();
  await waitFor(() => seen.length === 3, { what: 'the history' });
  const cut = expect(all(lines)).rejects.toThrow('aborted');
  await other.close();
  await Promise.all([reading, cut]);
  expect(seen.map((frame) => frame.id)).toEqual(['0-1', '1-2', '1-3']);
  expect(others.at(-1)).toBe('retry: 1000');
  expect(others.filter((block) => block === 'retry: 1000')).toHaveLength(2);
  await stand.worker.finish(run, OUTCOME);
});
