// The real server over real sockets: streams, JSON, errors, faults, limits, the log.
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { waitFor } from '@runyard/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { MAX_BODY_BYTES } from './read-body.js';
import { startDemoModel } from './server.js';
import type { DemoModel } from './server.js';

let model: DemoModel;
beforeAll(async () => {
  model = await startDemoModel({ host: '127.0.0.1', port: 0 });
});
afterAll(() => model.stop());
beforeEach(async () => {
  expect((await fetch(`${model.url}/__demo/requests`, { method: 'DELETE' })).status).toBe(204);
});

const body = (prompt: string, more: object = {}): string =>
  JSON.stringify({ model: 'claude-test', max_tokens: 100, stream: true, messages: [{ role: 'user', content: prompt }], ...more });

async function post(prompt: string, more: object = {}, init: RequestInit = {}): Promise<Response> {
  return fetch(`${model.url}/v1/messages?beta=true`, { method: 'POST', body: body(prompt, more), ...init });
}

async function logged(): Promise<Record<string, unknown>[]> {
  return (await jsonOf(await fetch(`${model.url}/__demo/requests`))).data;
}

interface Event {
  readonly type: string;
  readonly message?: unknown;
  readonly delta?: { readonly text?: string };
}

/** The data of each event; fails on anything that is no event stream. */
function eventsIn(text: string): Event[] {
  const frames = text.split('\n\n').filter((frame) => frame !== '');
  return frames.map((frame) => {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
    const event: Event = JSON.parse(data ?? 'null');
    expect(event.type).toBe(name);
    return event;
  });
}

const textIn = (events: readonly Event[]): string => events.map((event) => event.delta?.text ?? '').join('');

/** The chunks of a streamed answer as they stand on the wire, also of one that is cut off. */
async function rawChunks(prompt: string): Promise<Buffer[]> {
  const socket = connect(model.port, '127.0.0.1');
  const sent = body(prompt);
  socket.write(`POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(sent)}\r\n\r\n${sent}`);
  const received: Buffer[] = [];
  for await (const piece of socket) received.push(piece as Buffer);
  const answer = Buffer.concat(received).toString('latin1');
  const chunks = answer.slice(answer.indexOf('\r\n\r\n') + 4).matchAll(/([0-9a-f]+)\r\n([^]*?)\r\n(?=[0-9a-f]+\r\n|$)/g);
  return [...chunks].map((match) => Buffer.from(match[2] ?? '', 'latin1'));
}

async function jsonOf(response: Response) {
  return JSON.parse(await response.text());
}

/** Reads until `enough` or the end; tells whether the stream ended by itself. */
async function readSome(response: Response, enough: (text: string) => boolean): Promise<{ text: string; ended: boolean }> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text, ended: true };
    text += value;
    if (enough(text)) {
      await reader.cancel();
      return { text, ended: false };
    }
  }
}

test('a stream is the event stream of the API', async () => {
  const response = await post('[[think n=2]]');
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  expect(response.headers.get('request-id')).toMatch(/^req_/);
  const events = eventsIn(await response.text());
  expect(events.map((event) => event.type)).toEqual([
    'message_start', 'ping',
    'content_block_start', 'content_block_delta', 'content_block_delta', 'content_block_delta', 'content_block_stop',
    'content_block_start', 'content_block_delta', 'content_block_delta', 'content_block_stop',
    'message_delta', 'message_stop',
  ]);
  expect(events[0]?.message).toMatchObject({ role: 'assistant', model: 'claude-test', usage: { output_tokens: 1 } });
  expect(events.at(-2)).toMatchObject({ delta: { stop_reason: 'end_turn' }, usage: { input_tokens: expect.any(Number) } });
});

test('without stream it is one JSON message; tokens are counted alike', async () => {
  const message = await jsonOf(await post('[[bash cmd="ls"]]', { stream: false }));
  expect(message).toMatchObject({
    type: 'message',
    model: 'claude-test',
    stop_reason: 'tool_use',
    content: [{ type: 'tool_use', name: 'Bash', id: expect.stringMatching(/^toolu_/), input: { command: 'ls' } }],
  });
  const counted = await fetch(`${model.url}/v1/messages/count_tokens`, { method: 'POST', body: body('[[bash cmd="ls"]]') });
  expect(await counted.json()).toEqual({ input_tokens: message.usage.input_tokens });
});

test('ids differ between answers', async () => {
  const ids = await Promise.all([1, 2, 3].map(async () => (await jsonOf(await post('[[bash cmd=x]]', { stream: false }))).content[0].id));
  expect(new Set(ids).size).toBe(3);
});

test('models: one, and its name says what it is', async () => {
  const models = await jsonOf(await fetch(`${model.url}/v1/models`));
  expect(models.data).toMatchObject([{ type: 'model', display_name: expect.stringContaining('not Claude') }]);
});

test.each([
  ['{"model":', 400, 'invalid_request_error', 'not valid JSON'],
  ['', 400, 'invalid_request_error', 'not valid JSON'],
  ['null', 400, 'invalid_request_error', 'body'],
  ['{"model":"m"}', 400, 'invalid_request_error', 'messages'],
  ['{"model":"m","messages":[]}', 400, 'invalid_request_error', 'messages'],
  ['{"model":"m","messages":[{"role":"user","content":5}]}', 400, 'invalid_request_error', 'messages.0.content'],
  ['{"model":7,"messages":[{"role":"user","content":"x"}]}', 400, 'invalid_request_error', 'model'],
])('bad body %s', async (text, status, type, message) => {
  const response = await fetch(`${model.url}/v1/messages`, { method: 'POST', body: text });
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ type: 'error', error: { type, message: expect.stringContaining(message) } });
});

test.each([['GET', '/'], ['GET', '/v1/messages'], ['POST', '/v1/models'], ['PUT', '/__demo/requests'], ['GET', '/constructor']])('%s %s is not known', async (method, path) => {
  const response = await fetch(model.url + path, { method });
  expect([response.status, await response.json()]).toMatchObject([404, { type: 'error', error: { type: 'not_found_error' } }]);
});

test('a body over 32 MiB is refused, one just below is read', async () => {
  const fits = 'x'.repeat(MAX_BODY_BYTES - 200);
  expect((await post(`[[text n=1]] ${fits}`)).status).toBe(200);
  const response = await post('x'.repeat(MAX_BODY_BYTES));
  expect([response.status, await response.json()]).toMatchObject([413, { error: { type: 'request_too_large' } }]);
});

test.each([400, 401, 403, 404, 413, 429, 500, 502, 529])('status %i', async (status) => {
  const response = await post(`[[status status=${status} retry_after=3 should_retry=false]]`);
  expect([response.status, response.headers.get('retry-after'), response.headers.get('x-should-retry')]).toEqual([status, '3', 'false']);
  expect(await response.json()).toMatchObject({ type: 'error', error: { type: expect.any(String), message: expect.any(String) } });
});

test('fail counts per session and prompt; without fail it never ends', async () => {
  const statuses = async (session: string, prompt: string): Promise<number[]> => {
    const seen: number[] = [];
    for (let index = 0; index < 4; index += 1) {
      seen.push((await post(prompt, {}, { headers: { 'x-claude-code-session-id': session } })).status);
    }
    return seen;
  };
  expect(await statuses('one', '[[status status=529 fail=2]]')).toEqual([529, 529, 200, 200]);
  expect(await statuses('two', '[[status status=529 fail=2]]')).toEqual([529, 529, 200, 200]);
  expect(await statuses('one', '[[status status=529 fail=1]]')).toEqual([529, 200, 200, 200]);
  expect(await statuses('one', '[[status status=529]]')).toEqual([529, 529, 529, 529]);
  expect((await logged())[0]).toMatchObject({ session_id: 'one', scenario: 'status', status: 529, round: 0 });
});

test('reset: before the headers, or after some deltas, and only as often as asked', async () => {
  await expect(post('[[reset after=0]]')).rejects.toThrow('fetch failed');
  const cut = Buffer.concat(await rawChunks('[[reset after=3 fail=1]] [[text n=9]]')).toString();
  expect(textIn(eventsIn(cut))).toBe('word-1 word-2 word-3');
  expect(cut).not.toContain('message_stop');
  expect(textIn(eventsIn(await (await post('[[reset after=3 fail=1]] [[text n=9]]')).text()))).toContain('word-9');
  expect((await post('[[reset after=3]]', { stream: false })).status).toBe(200);
});

test('a fault that waits for more deltas than there are still happens', async () => {
  const events = eventsIn(await (await post('[[sse_error after=50]] [[text n=2]]')).text());
  expect(events.slice(-2).map((event) => event.type)).toEqual(['content_block_stop', 'error']);
});

test('sse_error: an error event after two deltas, then the end', async () => {
  const events = eventsIn(await (await post('[[sse_error]]')).text());
  expect(events.at(-1)).toEqual({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
  expect(textIn(events)).toBe('word-1 word-2');
});

test('stall: the stream stays open after two deltas, with pings if asked', async () => {
  const { text, ended } = await readSome(await post('[[stall after=2 ping=5]]'), (seen) => seen.split('event: ping').length > 4);
  expect([ended, textIn(eventsIn(text.slice(0, text.lastIndexOf('\n\n') + 2)))]).toEqual([false, 'word-1 word-2']);
  const silent = await post('[[stall after=1]] [[text n=3]]');
  const read = await readSome(silent, (seen) => seen.includes('word-1'));
  expect([read.ended, read.text.includes('word-2')]).toEqual([false, false]);
});

test('hang: the request arrives, an answer does not', async () => {
  const aborted = new AbortController();
  const answer = post('[[hang]]', {}, { signal: aborted.signal }).then(() => 'answered', () => 'aborted');
  await waitFor(async () => (await logged()).some((entry) => entry['scenario'] === 'hang'), { what: 'the request' });
  aborted.abort();
  expect(await answer).toBe('aborted');
  expect(await logged()).toMatchObject([{ scenario: 'hang', status: null }]);
});

test('emoji: single bytes on the wire, the text whole in the end', async () => {
  const pieces = (await rawChunks('[[emoji bytes=1 n=1]]')).filter((piece) => piece.length > 0);
  expect(pieces.length).toBeGreaterThan(1000);
  expect(pieces.every((piece) => piece.length === 1)).toBe(true);
  expect(textIn(eventsIn(Buffer.concat(pieces).toString()))).toBe(
    'A café 🧀, three signs 日本語, a family 👨‍👩‍👧‍👦, a flag 🏳️‍🌈 and a rocket 🚀. ',
  );
});

test('long: all of it arrives, also at a client that reads slowly', async () => {
  const request = httpRequest(`${model.url}/v1/messages`, { method: 'POST' });
  request.end(body('[[long kb=4096]]'));
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  response.on('readable', () => {
    for (let chunk = response.read(65_536); chunk !== null; chunk = response.read(65_536)) chunks.push(chunk);
  });
  await once(response, 'end');
  const text = textIn(eventsIn(Buffer.concat(chunks).toString()));
  expect(Buffer.byteLength(text)).toBe(4096 * 1024);
  expect(text.slice(-64)).toMatch(/^000065535 demo model text/);
});

test('a client that leaves ends its stream and nobody else\'s', async () => {
  const other = post('[[text n=50 delay=5]]');
  const read = await readSome(await post('[[slow n=1000 delay=1]]'), (seen) => seen.includes('word-3'));
  expect(read.ended).toBe(false);
  expect(textIn(eventsIn(await (await other).text()))).toContain('word-50');
});

test('the log tells what arrived, in order, and not itself', async () => {
  await post('[[text n=1]]', {}, { headers: { 'x-claude-code-session-id': 'abc' } });
  await fetch(`${model.url}/v1/models`);
  await fetch(`${model.url}/v1/messages`, { method: 'POST', body: '{' });
  await logged();
  const entry = { at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) };
  expect(await logged()).toEqual([
    { ...entry, method: 'POST', path: '/v1/messages', session_id: 'abc', scenario: 'text', round: 0, status: 200 },
    { ...entry, method: 'GET', path: '/v1/models', session_id: null, scenario: null, round: null, status: 200 },
    { ...entry, method: 'POST', path: '/v1/messages', session_id: null, scenario: 'bad_request', round: null, status: 400 },
  ]);
});

test('stop ends open and hanging requests; a taken port is told', async () => {
  await expect(startDemoModel({ host: '127.0.0.1', port: model.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const own = await startDemoModel({ host: '127.0.0.1', port: 0 });
  const hanging = fetch(`${own.url}/v1/messages`, { method: 'POST', body: body('[[hang]]') }).then(() => 'answered', () => 'cut');
  const seen = async (): Promise<boolean> => (await jsonOf(await fetch(`${own.url}/__demo/requests`))).data.length > 0;
  await waitFor(seen, { what: 'the request' });
  await own.stop();
  expect(await hanging).toBe('cut');
  await expect(fetch(own.url)).rejects.toThrow('fetch failed');
});
