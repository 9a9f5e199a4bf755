// Whatever is sent: the right status, a problem document that names the field and the fix, no run, no stack trace.
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { CREATE_RUN_NOT_AVAILABLE, LIMITS, LIST_RUNS_NOT_AVAILABLE, newId, Problem } from '@runyard/domain';
import type { FieldError, Run, RunList } from '@runyard/domain';
import { rawCall } from '@runyard/testing';
import type { HttpAnswer, HttpCall } from '@runyard/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { apiStand, loggerInto } from '../api-stand.fixture.js';

const MARK = 'MARK-in-the-prompt';
const log: string[] = [];

const stand = apiStand({
  api: { runsAsRoot: true, logger: loggerInto(log, 'trace') },
  settings: (dir) => ({ workspaceRoots: [`${dir}/root/`] }),
  prepare: async (_, dir) => {
    await Promise.all(['root/project', 'root-evil', 'outside/deep'].map((path) => mkdir(`${dir}/${path}`, { recursive: true })));
    await writeFile(`${dir}/root/file`, '');
    await symlink(`${dir}/outside`, `${dir}/root/link`);
    await symlink(`${dir}/root`, `${dir}/alias`);
    await symlink('loop', `${dir}/root/loop`);
  },
});
const { call } = stand;

const post = (body: unknown, headers: HttpCall['headers'] = {}): Promise<HttpAnswer> => call('/v1/runs', { method: 'POST', body, headers });

/** Checks what every problem document has, and returns it. */
function problem(answer: HttpAnswer): Problem {
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const document = Problem.parse(answer.json);
  expect(document.status).toBe(answer.status);
  expect(document.request_id).toBe(answer.headers['x-request-id']);
  expect(answer.text).not.toMatch(/\.[jt]s\b|node_modules|\bat \w+ \(/);
  return document;
}

afterEach(async () => {
  // What is accepted in a test is canceled there, so anything that lives now was created by mistake.
  expect(((await call('/v1/runs?status=queued')).json as RunList).data).toEqual([]);
});

describe('bodies that are not JSON', () => {
  test.each([
    ['nothing', ''],
    ['an open brace', '{'],
    ['a trailing comma', '{"prompt":"x",}'],
    ['single quotes', "{'prompt':'x'}"],
    ['a comment', '{"prompt":"x"} // yes'],
    ['two values', '{"prompt":"x"}{"prompt":"y"}'],
    ['NaN', '{"prompt":"x","max_turns":NaN}'],
    ['a control character in a text', '{"prompt":"a\nb"}'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', Buffer.from('{"prompt":"x"}', 'utf16le')],
    ['a cut character', Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from([0xf0, 0x9f, 0x98])])],
  ])('%s: 400', async (_what, body) => {
    expect(problem(await post(body, { 'content-type': 'application/json' }))).toMatchObject({ status: 400, code: 'malformed_json' });
  });

  test('the place is named, the text is not repeated', async () => {
    const { detail } = problem(await post(`{"prompt":"${MARK}" oops}`, { 'content-type': 'application/json' }));
    expect(detail).toMatch(/line 1 column \d+/);
    expect(detail).not.toContain(MARK);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml', 'application/jsonx', 'nonsense'])('type %s: 415', async (type) => {
    expect(problem(await post('{"prompt":"x"}', { 'content-type': type }))).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])('type %s is taken, a byte order mark as well', async (type) => {
    const run = (await post('\ufeff{"prompt":"x"}', { 'content-type': type })).json as Run;
    expect(run.prompt).toBe('x');
    await call(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
  });
});

describe('bodies that break the schema', () => {
  const deep = (levels: number): string => `{"prompt":"x","output_schema":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`;

  test.each<[string, unknown, FieldError]>([
    ['null', null, { field: 'body', message: 'must be an object, not null' }],
    ['a list', [], { field: 'body', message: 'must be an object, not a list' }],
    ['a text', '"x"', { field: 'body', message: 'must be an object, not a text' }],
    ['no prompt', {}, { field: 'prompt', message: 'is required: give a text or a list' }],
    ['an empty prompt', { prompt: '' }, { field: 'prompt', message: 'must not be empty' }],
    ['a blank prompt', { prompt: ' \n ' }, { field: 'prompt', message: 'must not be empty' }],
    ['a number as prompt', { prompt: 5 }, { field: 'prompt', message: 'must be a text or a list, not 5' }],
    ['no blocks', { prompt: [] }, { field: 'prompt', message: 'must not be empty' }],
    ['an unknown block', { prompt: [{ type: 'video' }] }, { field: 'prompt[0].type', message: 'must be one of: text, image' }],
    ['an unknown field', { prompt: 'x', colour: 1 }, { field: 'colour', message: 'is not known: remove it or correct its name' }],
    ['an unknown field inside', { prompt: 'x', workspace: { type: 'scratch', size: 1 } }, { field: 'workspace.size', message: 'is not known: remove it or correct its name' }],
    ['a wrong type', { prompt: 'x', max_turns: '3' }, { field: 'max_turns', message: 'must be a number, not a text' }],
    ['half a number', { prompt: 'x', max_turns: 1.5 }, { field: 'max_turns', message: 'must be a whole number, not 1.5' }],
    ['too few', { prompt: 'x', max_turns: 0 }, { field: 'max_turns', message: 'must be at least 1' }],
    ['no budget', { prompt: 'x', max_budget_usd: 0 }, { field: 'max_budget_usd', message: 'must be more than 0' }],
    ['an unknown choice', { prompt: 'x', effort: 'more' }, { field: 'effort', message: 'must be one of: low, medium, high, xhigh, max' }],
    ['a wrong entry', { prompt: 'x', allowed_tools: ['Read', 5] }, { field: 'allowed_tools[1]', message: 'must be a text, not 5' }],
    ['too many tags', { prompt: 'x', tags: Array.from({ length: 11 }, () => 't') }, { field: 'tags', message: 'must have at most 10 entries' }],
    ['a long name', { prompt: 'x', name: 'n'.repeat(201) }, { field: 'name', message: 'must have at most 200 characters' }],
    ['a fork of nothing', { prompt: 'x', fork: true }, { field: 'fork', message: 'needs session_id: only a session can be forked' }],
    ['a key as a variable', { prompt: 'x', environment: { A: `ghp_${'0123456789abcdef0123'}` } }, { field: 'environment.A', message: expect.stringMatching(/^must not hold what looks like a credential: .*RUNYARD_SECRET_/) as string }],
    ['a variable that the CLI listens to', { prompt: 'x', environment: { ANTHROPIC_BASE_URL: 'http://x' } }, { field: 'environment.ANTHROPIC_BASE_URL', message: expect.stringMatching(/^is decided by /) as string }],
    ['a variable with a bad name', { prompt: 'x', environment: { 'A-B': 'x' } }, { field: 'environment.A-B', message: expect.stringMatching(/^must be named with letters/) as string }],
    ['a variable that is no text', { prompt: 'x', environment: { A: 5 } }, { field: 'environment.A', message: 'must be a text or an object, not 5' }],
    ['a secret without a name', { prompt: 'x', environment: { A: { secret: '' } } }, { field: 'environment.A.secret', message: expect.stringMatching(/^must be the name of a secret/) as string }],
    ['an MCP server without a type', { prompt: 'x', mcp_servers: { a: { command: 'x' } } }, { field: 'mcp_servers.a.type', message: 'must be one of: stdio, http, sse' }],
    ['an MCP server without a command', { prompt: 'x', mcp_servers: { a: { type: 'stdio' } } }, { field: 'mcp_servers.a.command', message: 'is required: give a text or an object' }],
    ['an MCP server with a bad name', { prompt: 'x', mcp_servers: { 'a b': { type: 'stdio', command: 'x' } } }, { field: 'mcp_servers.a b', message: expect.stringMatching(/^must be named with at most 64/) as string }],
    ['a password in an address', { prompt: 'x', mcp_servers: { a: { type: 'http', url: 'https://u:p@example.org' } } }, { field: 'mcp_servers.a.url', message: expect.stringMatching(/^must not hold an address with a password: /) as string }],
    ['a literal Authorization header', { prompt: 'x', mcp_servers: { a: { type: 'http', url: 'https://example.org', headers: { Authorization: 'x' } } } }, { field: 'mcp_servers.a.headers.Authorization', message: expect.stringMatching(/^must not hold a literal in a header/) as string }],
    ['half a surrogate pair', '{"prompt":"a\\ud800b"}', { field: 'prompt', message: 'has half of a surrogate pair: send whole characters' }],
    ['half a surrogate pair deep inside', '{"prompt":"x","output_schema":{"a":["\\udfff"]}}', { field: 'output_schema.a[0]', message: 'has half of a surrogate pair: send whole characters' }],
    ['half a surrogate pair in a name', '{"prompt":"x","metadata":{"\\ud800":"v"}}', { field: 'metadata.\ufffd', message: 'has a name with half of a surrogate pair: send whole characters' }],
    ['__proto__', '{"prompt":"x","__proto__":{"a":1}}', { field: '__proto__', message: 'is a name that cannot be used: choose another one' }],
    ['__proto__ inside', '{"prompt":"x","metadata":{"__proto__":"y"}}', { field: 'metadata.__proto__', message: 'is a name that cannot be used: choose another one' }],
    ['constructor', '{"prompt":"x","constructor":{"prototype":{}}}', { field: 'constructor', message: 'is not known: remove it or correct its name' }],
    ['a number beyond all bounds', '{"prompt":"x","max_budget_usd":1e999}', { field: 'max_budget_usd', message: 'is a number too large to be kept: give a smaller one' }],
    ['101 levels', deep(101), { field: 'output_schema.a.a.a.a.a.a.a.a.a', message: 'is nested more than 100 levels deep: make it flatter' }],
    ['a million levels', `{"prompt":"x","metadata":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`, { field: expect.stringMatching(/^metadata/) as string, message: 'is nested more than 100 levels deep: make it flatter' }],
    ['bypassPermissions as root', { prompt: 'x', permission_mode: 'bypassPermissions' }, { field: 'permission_mode', message: expect.stringMatching(/root.*choose another mode/) as string }],
  ])('%s: 422', async (_what, body, error) => {
    const document = problem(await post(typeof body === 'string' ? body : JSON.stringify(body)));
    expect(document).toMatchObject({ status: 422, code: 'invalid_request' });
    expect(document.errors).toContainEqual(error);
  });

  test('all faults are told at once, each with its field', async () => {
    const { errors } = problem(await post({ prompt: 5, colour: 1, max_turns: 'x', profile: 'p', workspace: { type: 'directory', path: 'rel' } }));
    expect(errors?.map((error) => error.field).toSorted()).toEqual(['colour', 'max_turns', 'profile', 'prompt', 'workspace.path']);
  });

  test('of two equal keys the last one counts', async () => {
    const run = (await post('{"prompt":"first","prompt":"second"}')).json as Run;
    expect(run.prompt).toBe('second');
    await call(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
  });

  test.each([...CREATE_RUN_NOT_AVAILABLE])('the field %s is not built yet: 422 not_available', async (field) => {
    const document = problem(await post({ prompt: 'x', [field]: 'y' }));
    expect(document).toMatchObject({ status: 422, code: 'not_available', errors: [{ field, message: 'is not available in this version: leave it out' }] });
  });

  test.each(['git', 'worktree'])('the workspace %s is not built yet: 422 not_available', async (type) => {
    const document = problem(await post({ prompt: 'x', workspace: { type, url: 'https://example.org/x.git' } }));
    expect(document).toMatchObject({ code: 'not_available', errors: [{ field: 'workspace.type' }] });
  });

  test.each([
    ['17 pairs', Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'v'])), 'metadata'],
    ['a long value', { k: 'v'.repeat(513) }, 'metadata.k'],
    ['a long name', { ['k'.repeat(65)]: 'v' }, `metadata.${'k'.repeat(65)}`],
    ['no text', { k: 1 }, 'metadata.k'],
  ])('metadata with %s: 422', async (_what, metadata, field) => {
    const document = problem(await post({ prompt: 'x', metadata }));
    expect([document.status, document.errors?.map((error) => error.field)]).toEqual([422, [field]]);
  });

  test.each([{ priority: 11 }, { priority: 1.5 }, { run_at: 'tomorrow' }, { run_at: '2026-02-30T00:00:00Z' }, { run_at: 1 }, { expires_in_seconds: 0 }, { expires_in_seconds: 1e9 }])('%j: 422', async (fields) => {
    const document = problem(await post({ prompt: 'x', ...fields }));
    expect([document.status, document.errors?.map((error) => error.field)]).toEqual([422, Object.keys(fields)]);
  });
});

describe('sizes', () => {
  const sized = (bytes: number): string => '€'.repeat(Math.floor(bytes / 3)) + 'x'.repeat(bytes % 3);

  test('a prompt of exactly 4 MiB is taken and comes back whole', async () => {
    const prompt = sized(LIMITS.promptBytes);
    const run = (await post({ prompt })).json as Run;
    expect(run.prompt === prompt).toBe(true);
    await call(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
  });

  test('one byte more is not', async () => {
    expect(problem(await post({ prompt: sized(LIMITS.promptBytes + 1) }))).toMatchObject({ status: 413, code: 'payload_too_large', errors: [{ field: 'prompt' }] });
  });

  test('blocks count as the JSON they are', async () => {
    expect(problem(await post({ prompt: [{ type: 'text', text: sized(LIMITS.promptBytes) }] }))).toMatchObject({ status: 413, errors: [{ field: 'prompt' }] });
  });

  test('a body over 8 MiB is refused by its length, and when it comes in chunks', async () => {
    const body = JSON.stringify({ prompt: 'x', append_system_prompt: 'y'.repeat(LIMITS.bodyBytes) });
    expect(problem(await post(body))).toMatchObject({ status: 413, code: 'payload_too_large' });
    const chunked = await call('/v1/runs', { method: 'POST', body, headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' } });
    expect(chunked.status).toBe(413);
  });
});

describe('directories', () => {
  const refused = async (path: string): Promise<string | undefined> => {
    const document = problem(await post({ prompt: 'x', workspace: { type: 'directory', path } }));
    expect(document).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ field: 'workspace.path' }] });
    return document.errors?.[0]?.message;
  };

  test('five tricks to get out of the roots', async () => {
    expect(await refused(`${stand.dir.path}/root/../outside`)).toMatch(/must not contain "\.\."/);
    expect(await refused(`${stand.dir.path}/root/link`)).toMatch(/must lie below one of RUNYARD_WORKSPACES .*where its links lead/);
    expect(await refused(`${stand.dir.path}/root/link/deep`)).toMatch(/must lie below/);
    expect(await refused(`${stand.dir.path}/root-evil`)).toMatch(/must lie below/);
    expect(await refused('root/project')).toMatch(/absolute/);
  });

  test('and some more', async () => {
    expect(await refused('/')).toMatch(/must lie below/);
    expect(await refused('/etc')).toMatch(/must lie below/);
    expect(await refused(stand.dir.path)).toMatch(/must lie below/);
    expect(await refused(`${stand.dir.path}/root/project\0/x`)).toMatch(/NUL/);
    expect(await refused(`${stand.dir.path}/root/file`)).toMatch(/must be a directory/);
    expect(await refused(`${stand.dir.path}/root/none`)).toMatch(/does not exist/);
    expect(await refused(`${stand.dir.path}/root/loop`)).toMatch(/does not exist/);
    expect(await refused(`${stand.dir.path}/root/%2e%2e/outside`)).toMatch(/does not exist/);
    expect(await refused(`${stand.dir.path}/alias`)).toMatch(/must lie below/);
    expect(await refused(`/${'x'.repeat(5000)}`)).toMatch(/at most 4096/);
  });

  test.each(['root', 'root/', 'root/project', 'root//project/.'])('%s is inside', async (path) => {
    const workspace = { type: 'directory', path: `${stand.dir.path}/${path}` };
    const run = (await post({ prompt: 'x', workspace })).json as Run;
    expect(run.workspace).toEqual(workspace);
    await call(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
  });
});

describe('paths, parameters and headers', () => {
  test.each([
    ['/v1/runs?limit=0', 'limit'],
    ['/v1/runs?limit=ten', 'limit'],
    ['/v1/runs?limit=1&limit=2', 'limit'],
    ['/v1/runs?status=done', 'status'],
    ['/v1/runs?page=nonsense', 'page'],
    ['/v1/runs?page=1_run_1', 'page'],
    ['/v1/runs?colour=red', 'colour'],
    ['/%zz', 'path'],
    ['/v1/runs/%ff', 'path'],
  ])('%s: 400', async (path, field) => {
    expect(problem(await call(path))).toMatchObject({ status: 400, code: 'invalid_parameter', errors: [{ field }] });
  });

  test.each([...LIST_RUNS_NOT_AVAILABLE])('the filter %s is not built yet: 422', async (name) => {
    expect(problem(await call(`/v1/runs?${name}=x`))).toMatchObject({ status: 422, code: 'not_available', errors: [{ field: name }] });
  });

  test.each([
    [{ 'idempotency-key': '' }, 'Idempotency-Key'],
    [{ 'idempotency-key': 'a b' }, 'Idempotency-Key'],
    [{ 'idempotency-key': 'x'.repeat(256) }, 'Idempotency-Key'],
    [{ 'idempotency-key': 'caf\u00e9' }, 'Idempotency-Key'],
    [{ prefer: 'wait=soon' }, 'Prefer'],
    [{ prefer: 'wait=-1' }, 'Prefer'],
    [{ prefer: 'wait' }, 'Prefer'],
    [{ 'x-runyard-client': 'schedule' }, 'X-Runyard-Client'],
    [{ 'x-runyard-client': 'CLI' }, 'X-Runyard-Client'],
  ])('%j: 400', async (headers, field) => {
    expect(problem(await post({ prompt: 'x' }, headers))).toMatchObject({ status: 400, code: 'invalid_parameter', errors: [{ field }] });
  });

  test.each([newId('run'), 'run_1', 'x', '..', '%2e%2e', 'run_1:events', '*', 'x'.repeat(99), 'x'.repeat(5000), '__proto__', 'run_01m7za8b4esgxz43cwg43zy7z7%0a', 'постой'])('the run %s: 404', async (id) => {
    for (const [method, path] of [['GET', ''], ['DELETE', ''], ['POST', '/retry'], ['POST', '/cancel'], ['GET', '/events'], ['GET', '/output']] as const) {
      expect(problem(await call(`/v1/runs/${encodeURI(id)}${path}`, { method })), path).toMatchObject({ status: 404, code: 'not_found' });
    }
  });

  test.each(['/', '/v1', '/v1/', '/v1/runs/', '//v1/runs', '/v2/runs', '/v1/sessions', '/v1/chat', '/mcp', '/metrics', '/hooks/github'])('%s: 404', async (path) => {
    expect(problem(await call(path))).toMatchObject({ status: 404, code: 'not_found' });
  });

  test.each([
    ['PUT', '/v1/runs', 'GET, HEAD, POST'],
    ['PUT', '/v1/runs/run_1', 'DELETE, GET, HEAD'],
    ['DELETE', '/v1/events', 'GET, HEAD'],
    ['GET', '/v1/runs/run_1/retry', 'POST'],
    ['GET', '/v1/queue/pause', 'POST'],
    ['OPTIONS', '/v1/runs', 'GET, HEAD, POST'],
    ['GET', '/v1/runs/run_1/cancel', 'POST'],
    ['POST', '/v1/runs/run_1/events?x=1', 'GET, HEAD'],
    ['POST', '/livez', 'GET, HEAD'],
  ])('%s %s: 405', async (method, path, allow) => {
    const answer = await call(path, { method });
    expect(problem(answer)).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(answer.headers.allow).toBe(allow);
  });
});

describe('what is no request', () => {
  test.each([
    ['noise', 'hello\r\n\r\n', 400],
    ['an unknown method', 'BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['another protocol', '\u0016\u0003\u0001\u0002\u0000', 400],
    ['endless headers', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['two lengths', 'POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n', 400],
    ['length and chunks', 'POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ])('%s', async (_what, bytes, status) => {
    const answer = await rawCall(stand.api.url, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    const document = Problem.parse(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''));
    expect(document.status).toBe(status);
  });
});

test('prompts do not reach the log, and nothing here was a defect', async () => {
  const run = (await post({ prompt: MARK, append_system_prompt: MARK })).json as Run;
  await call(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
  expect(log.join('')).not.toContain(MARK);
  expect(log.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
});
