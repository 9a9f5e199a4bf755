import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Run } from '@runyard/domain';
import { freePort } from '@runyard/testing';
import { afterEach, expect, test } from 'vitest';
import { ApiClient } from './api-client.js';
import { ApiProblem, ServerUnreachable } from './api-errors.js';

const servers: Server[] = [];

async function serve(listener: RequestListener, port = 0): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve).closeAllConnections())));
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const unavailable = { type: '/docs/errors#redis_unavailable', title: 'Redis cannot be reached', status: 503, code: 'redis_unavailable', detail: 'Wait.', request_id: 'req_1' };
const run = { id: 'run_1', status: 'queued' } as Run;

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('createRun sends key, client, wait and an Idempotency-Key, and the body as it is', async () => {
  const seen: { headers: IncomingMessage['headers']; body: string; line: string }[] = [];
  const url = await serve(async (request, response) => {
    seen.push({ headers: request.headers, body: await bodyOf(request), line: `${request.method} ${request.url}` });
    json(response, 201, run);
  });
  const client = new ApiClient({ url: `${url}/below/`, key: 'k'.repeat(20), client: 'cli' });
  await expect(client.createRun({ prompt: 'Grüße 🚀' }, { wait: 99 })).resolves.toEqual(run);
  expect(seen).toHaveLength(1);
  expect(seen[0]?.line).toBe('POST /below/v1/runs');
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ prompt: 'Grüße 🚀' });
  expect(seen[0]?.headers).toMatchObject({
    authorization: `Bearer ${'k'.repeat(20)}`,
    'x-runyard-client': 'cli',
    prefer: 'wait=60',
    'content-type': 'application/json',
    'idempotency-key': expect.stringMatching(/^req_/),
  });
});

test('createRun is repeated with one and the same Idempotency-Key over 503, a cut connection and a refused one', async () => {
  const keys: (string | undefined)[] = [];
  const port = await freePort();
  const client = new ApiClient({ url: `http://127.0.0.1:${port}`, patienceMs: 60_000 });
  const created = client.createRun({ prompt: 'hello' });
  await serve((request, response) => {
    keys.push(request.headers['idempotency-key'] as string | undefined);
    if (keys.length === 1) json(response, 503, unavailable, { 'retry-after': '0' });
    else if (keys.length === 2) request.socket.destroy();
    else if (keys.length === 3) response.writeHead(201, { 'content-length': '999' }).write('{"id":', () => response.destroy());
    else json(response, 201, run);
  }, port);
  await expect(created).resolves.toEqual(run);
  expect(keys).toHaveLength(4);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toBeTruthy();
});

test('a 503 that stays becomes an ApiProblem with the code and Retry-After when patience is over', async () => {
  let requests = 0;
  const url = await serve((_, response) => {
    requests += 1;
    json(response, 503, unavailable, { 'retry-after': '2', 'content-type': 'application/problem+json' });
  });
  const error = await errorOf(new ApiClient({ url, patienceMs: 1000 }).status());
  expect(error).toBeInstanceOf(ApiProblem);
  expect(error).toMatchObject({ status: 503, code: 'redis_unavailable', detail: 'Wait.', requestId: 'req_1', retryAfterMs: 2000 });
  expect(requests).toBe(1);
});

test('a refusal is not repeated and carries what the API says about each field', async () => {
  let requests = 0;
  const errors = [{ field: 'workspace.path', message: 'must lie below RUNYARD_WORKSPACES' }];
  const url = await serve((_, response) => {
    requests += 1;
    json(response, 422, { ...unavailable, status: 422, code: 'invalid_request', detail: 'No.', errors });
  });
  const error = await errorOf(new ApiClient({ url }).createRun({ prompt: 'x' }));
  expect(error).toMatchObject({ status: 422, code: 'invalid_request', errors });
  expect(requests).toBe(1);
});

test.each([
  ['an HTML page with an error', 404, '<h1>Not found</h1>', 'text/html'],
  ['an HTML page', 200, '<h1>Welcome</h1>', 'text/html'],
  ['JSON of something else', 400, '{"error":"bad"}', 'application/json'],
])('%s is unexpected_answer', async (_, status, body, type) => {
  const url = await serve((__, response) => response.writeHead(status, { 'content-type': type }).end(body));
  const error = await errorOf(new ApiClient({ url }).run('run_1'));
  expect(error).toBeInstanceOf(ApiProblem);
  expect(error).toMatchObject({ status, code: 'unexpected_answer' });
});

test('nobody there: ServerUnreachable with the address and the reason', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const error = await errorOf(new ApiClient({ url, patienceMs: 0 }).status());
  expect(error).toBeInstanceOf(ServerUnreachable);
  expect(error).toMatchObject({ url, reason: 'connection refused', message: `Cannot reach ${url}: connection refused` });
});

test('a signal ends waiting and retrying with its reason', async () => {
  const url = await serve((_, response) => json(response, 503, unavailable, { 'retry-after': '30' }));
  const controller = new AbortController();
  const pending = errorOf(new ApiClient({ url, patienceMs: 3_600_000 }).run('run_1', { signal: controller.signal }));
  controller.abort(new Error('enough'));
  expect(await pending).toEqual(new Error('enough'));
});

test.each(['', 'localhost:8080', 'ftp://host', 'http://user:pass@host'])('the address %j is refused', (url) => {
  expect(() => new ApiClient({ url })).toThrow(TypeError);
});

test('a key that no header can carry is refused without being shown', () => {
  expect(() => new ApiClient({ url: 'http://h', key: 'secret\nkey' })).toThrow(/^the API key must be visible ASCII/);
});

test('runs goes through the pages only as far as it is asked to', async () => {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.url);
    const page = Number(new URL(request.url ?? '', 'http://h').searchParams.get('page') ?? 0);
    json(response, 200, { data: [{ id: `run_${page}a` }, { id: `run_${page}b` }], next_page: page < 5 ? String(page + 1) : null });
  });
  const ids: string[] = [];
  for await (const found of new ApiClient({ url }).runs({ status: 'running', limit: 2 })) {
    ids.push(found.id);
    if (ids.length === 3) break;
  }
  expect(ids).toEqual(['run_0a', 'run_0b', 'run_1a']);
  expect(asked).toEqual(['/v1/runs?status=running&limit=2', '/v1/runs?status=running&limit=2&page=1']);
});

test('events reads page after page by event id until there is no next one', async () => {
  const ids = ['0-1', '1-2', '1-3', '1-4', '1-5'];
  const url = await serve((request, response) => {
    const query = new URL(request.url ?? '', 'http://h').searchParams;
    expect(query.get('deltas')).toBe('0');
    const start = ids.indexOf(query.get('after') ?? '') + 1;
    json(response, 200, { data: ids.slice(start, start + 2).map((id) => ({ id })), next_page: start + 2 < ids.length ? 'more' : null });
  });
  const got: string[] = [];
  for await (const event of new ApiClient({ url }).events('run_1', { deltas: false })) got.push(event.id);
  expect(got).toEqual(ids);
});

test('output and rawLines give the bytes of the API, also in the middle of a character', async () => {
  const answer = Buffer.from('{"a":"é🚀"}\n{"b":1}\n');
  const url = await serve((request, response) => {
    response.writeHead(200, { 'content-type': String(request.headers.accept) });
    for (const byte of answer) response.write(Buffer.from([byte]));
    response.end();
  });
  const client = new ApiClient({ url });
  let text = '';
  for await (const piece of client.output('run_1')) text += piece;
  expect(text).toBe(answer.toString());
  const lines: string[] = [];
  for await (const line of client.rawLines('run_1')) lines.push(Buffer.from(line).toString());
  expect(lines).toEqual(['{"a":"é🚀"}', '{"b":1}']);
});

test('raw lines that are cut off say so instead of looking complete', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200).write('{"a":1}\n{"b"', () => response.destroy());
  });
  const lines: string[] = [];
  const read = async (): Promise<void> => {
    for await (const line of new ApiClient({ url }).rawLines('run_1')) lines.push(Buffer.from(line).toString());
  };
  expect(await errorOf(read())).toBeInstanceOf(ServerUnreachable);
  expect(lines.filter((line) => line !== '{"a":1}')).toEqual([]);
});
