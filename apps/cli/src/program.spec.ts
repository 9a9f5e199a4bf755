// What the command prints and sends and how it ends, against servers that answer as each test wants it.
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { newId } from '@runyard/domain';
import type { Run } from '@runyard/domain';
import { startHttpServer, temporaryDirectory } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { startCommand } from './command.fixture.js';
import type { Done } from './command.fixture.js';

/** Nobody gets this port by chance, unlike one that was free a moment ago. fetch refuses port 1 by itself. */
const NOBODY = 'http://127.0.0.1:2';

type Answer = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

async function serve(answer: Answer): Promise<string> {
  const { url, stop } = await startHttpServer((request, response) => answer(request, response, new URL(request.url ?? '/', 'http://h')));
  onTestFinished(stop);
  return url;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const problem = (status: number, code: string, detail: string, errors: unknown[] = []): Answer => {
  return (_, response) => json(response, status, { type: 't', title: 't', status, code, detail, request_id: 'req_1', errors });
};

function run(more: Partial<Run> = {}): Run {
  return {
    id: newId('run'), object: 'run', status: 'succeeded', reason: null, queued_reason: null, waiting_for: null, held: false, resumes_at: null, queue_position: null, priority: 0, run_at: null, expires_at: null,
    cancel_requested_at: null, name: null, prompt: 'hello', session_id: 'ses_1', profile: null, model: null, trigger: 'cli', attempt: 1, worker_id: 'wrk_1',
    created_at: '2026-01-01T00:00:00.000Z', started_at: '2026-01-01T00:00:01.000Z', ended_at: '2026-01-01T00:00:02.000Z', result: 'the answer', structured_output: null,
    failure: null, usage: null, cost_usd: 0.5, cost_estimated: false, num_turns: 2, duration_ms: 1000, pending: [], retry_of: null, schedule_id: null,
    workspace: { type: 'scratch' }, urls: { self: '', events: '', ui: null, diff: null }, metadata: {}, tags: [], ...more,
  };
}

interface Place {
  readonly url?: string;
  readonly env?: Record<string, string>;
  readonly stdin?: string;
}

const command = (argv: readonly string[], { url = 'http://127.0.0.1:1', env = {}, stdin = '' }: Place = {}) =>
  startCommand(argv, { env: { RUNYARD_URL: url, RUNYARD_API_KEY: 'k'.repeat(20), ...env }, stdin });

const outcome = (argv: readonly string[], place?: Place): Promise<Done> => command(argv, place).done;

test.each([
  [['--version'], 0, /^1\.2\.3\n$/],
  [['--help'], 0, /Exit codes: 0 ok/],
  [['submit', '--help'], 0, /--here/],
])('%j exits with 0', async (argv, code, out) => {
  const done = await outcome(argv);
  expect([done.code, done.err]).toEqual([code, '']);
  expect(done.out).toMatch(out);
});

test.each([
  [[], /Usage: runyard/],
  [['fly'], /unknown command 'fly'/],
  [['ps', '--nope'], /unknown option '--nope'/],
  [['show'], /missing required argument 'id'/],
  [['submit', 'x', '--effort', 'huge'], /Allowed choices are low, medium/],
  [['submit', 'x', '--max-turns', 'many'], /must be a whole number/],
  [['submit', 'x', '--timeout', 'soon'], /such as 90, 15m or 2h/],
  [['submit', 'x', '--max-budget', '-1'], /amount in dollars/],
  [['submit', 'x', '--wait', '--follow'], /cannot be used with/],
  [['submit'], /The prompt is empty[^]*-f <file>/],
  [['submit', 'x', '--fork'], /needs --session/],
  [['submit', '-f', '/nowhere/prompt'], /Cannot read \/nowhere\/prompt \(ENOENT\)/],
  [['submit', 'x', '--output-schema', '/nowhere'], /Cannot read \/nowhere/],
  [['show', 'abc'], /too short/],
])('wrong usage %j exits with 2 and says what is wrong', async (argv, message) => {
  const done = await outcome(argv);
  expect([done.code, done.out]).toEqual([2, '']);
  expect(done.err).toMatch(message);
});

test('a wrong setting exits with 2 and names the variable', async () => {
  const done = await outcome(['ps'], { env: { RUNYARD_API_KEY: 'short' } });
  expect(done.code).toBe(2);
  expect(done.err).toContain('RUNYARD_API_KEY');
  expect(done.err).not.toContain('"short"');
});

test('no server exits with 5 and says how to start one', async () => {
  const done = await outcome(['ps'], { url: NOBODY });
  expect([done.code, done.out]).toEqual([5, '']);
  expect(done.err).toMatch(/^runyard: Cannot reach http:\S+: connection refused\.\n {2}Check RUNYARD_URL/);
});

test.each([
  ['401', problem(401, 'unauthorized', 'No valid API key.'), 4, /No valid API key\.\n {2}The key in RUNYARD_API_KEY is not the one of that server/],
  ['403', problem(403, 'forbidden', 'Not allowed.'), 4, /RUNYARD_ALLOWED_HOSTS/],
  ['404', problem(404, 'not_found', 'There is no such run.'), 3, /no such run\.\n {2}\/opt\/runyard\/bin\/runyard ps -a/],
  ['422', problem(422, 'invalid_request', 'It breaks the schema.', [{ field: 'max_turns', message: 'must be 1 or more' }]), 2, /schema\.\n {2}max_turns: must be 1 or more/],
  ['500', problem(500, 'internal', 'A defect.'), 1, /A defect\.\n.*code internal and the request id req_1/],
  ['503', problem(503, 'redis_unavailable', 'Redis is away.'), 5, /Redis is away\.\n {2}Try again/],
  ['a page', (_: IncomingMessage, response: ServerResponse) => response.end('<html>'), 1, /not as Runyard does/],
] as const)('an answer of %s becomes exit code and next step, without a stack trace', async (_, answer, code, message) => {
  const done = await outcome(['show', newId('run')], { url: await serve(answer) });
  expect([done.code, done.out]).toEqual([code, '']);
  expect(done.err).toMatch(message);
  expect(done.err).not.toMatch(/ {4}at /);
});

test('what a server says is made harmless', async () => {
  const done = await outcome(['show', newId('run')], { url: await serve(problem(404, 'not_found', 'gone\u001b[2J\u0007')) });
  expect(done.err).toContain('gone\n');
  expect(done.err.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});

test('submit prints the id on stdout, the hint on stderr, and sends what was given', async () => {
  const created = run({ status: 'queued' });
  let seen = '';
  const url = await serve(async (request, response) => {
    for await (const chunk of request) seen += String(chunk);
    json(response, 201, created);
  });
  const done = await outcome(['submit', 'review', 'this', '-', '--here', '--allow', 'Bash(npm test)', '--allow', 'Write', '--tag', 'a'], { url, stdin: 'the diff' });
  expect([done.code, done.out]).toEqual([0, `${created.id}\n`]);
  expect(done.err).toContain(`logs -f ${created.id}`);
  expect(JSON.parse(seen)).toEqual({ prompt: 'review this\n\nthe diff', workspace: { type: 'directory', path: '/' }, allowed_tools: ['Bash(npm test)', 'Write'], tags: ['a'] });
});

test.each([
  ['succeeded', 0, 'the answer\n', /✔ succeeded · 0:01 · 2 turns · \$0\.5000/],
  ['failed', 1, '', /✖ failed \(max_turns\)[^]*Raise max_turns/],
  ['canceled', 1, '', /■ canceled/],
] as const)('submit --wait of a run that %s', async (status, code, out, err) => {
  const failure = status === 'failed' ? { code: 'max_turns', message: 'Raise max_turns.', retryable: false } as const : null;
  const ended = run({ status, failure, result: status === 'succeeded' ? 'the answer' : null });
  const url = await serve((request, response) => json(response, 200, request.method === 'POST' ? { ...ended, status: 'queued' } : ended));
  const done = await outcome(['submit', '--wait', 'x'], { url });
  expect([done.code, done.out]).toEqual([code, out]);
  expect(done.err).toMatch(err);
});

test('wait waits for all, prints how each ended, and is 1 when one did not succeed', async () => {
  const [good, bad] = [run(), run({ status: 'failed' })];
  let asked = 0;
  const url = await serve((_, response, { pathname }) => {
    const found = pathname.endsWith(good.id) ? good : bad;
    asked += 1;
    json(response, 200, asked <= 2 ? { ...found, status: 'running' } : found);
  });
  const done = await outcome(['wait', good.id, bad.id, good.id], { url });
  expect(done.code).toBe(1);
  expect(done.out.split('\n').toSorted()).toEqual(['', `${bad.id} failed`, `${good.id} succeeded`].toSorted());
});

test('wait --timeout is 124', async () => {
  const url = await serve((_, response) => json(response, 200, run({ status: 'running' })));
  const done = await outcome(['wait', newId('run'), '--timeout', '0'], { url });
  expect([done.code, done.out]).toEqual([124, '']);
  expect(done.err).toContain('still running');
});

test('Ctrl-C while following detaches: 130, and the run is said to go on', async () => {
  const live = run({ status: 'running' });
  const followed = Promise.withResolvers<void>();
  const url = await serve((_, response, { pathname }) => {
    if (!pathname.endsWith('/events')) return json(response, 200, live);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 1\n\n');
    followed.resolve();
  });
  const { signals, done } = command(['submit', '--follow', 'x'], { url });
  await followed.promise;
  signals.emit('SIGINT');
  expect(await done).toMatchObject({ code: 130, err: expect.stringContaining('Detached; the run goes on.') });
});

const list = (...runs: Run[]): Answer => (_, response) => json(response, 200, { data: runs, next_page: null });

test('an id may be a part that fits one run, or last', async () => {
  const [newest, other] = [run({ name: 'newest' }), run({ name: 'other' })];
  const url = await serve((request, response, at) => {
    if (at.pathname === '/v1/runs') return list(newest, other)(request, response, at);
    json(response, 200, at.pathname.endsWith(newest.id) ? newest : other);
  });
  expect((await outcome(['show', 'last', '-o', 'id'], { url })).out).toBe(`${newest.id}\n`);
  expect((await outcome(['show', other.id.slice(-6), '-o', 'id'], { url })).out).toBe(`${other.id}\n`);
  const several = await outcome(['show', 'run_'], { url });
  expect([several.code, several.err]).toEqual([2, expect.stringContaining('fits 2 runs')]);
  const none = await outcome(['show', 'zzzz'], { url });
  expect([none.code, none.err]).toEqual([3, expect.stringContaining('no run "zzzz"')]);
});

test('ps asks for the live states, -a for all; the forms of output', async () => {
  const asked: string[] = [];
  const found = run({ status: 'running', prompt: 'first line\nsecond \u001b[31mline' });
  const url = await serve((request, response, at) => {
    asked.push(at.searchParams.get('status') ?? 'all');
    list(...(at.searchParams.get('status') === 'queued' ? [] : [found]))(request, response, at);
  });
  const table = await outcome(['ps', '-s', 'running'], { url });
  expect(table.out).toMatch(/^ID +STATUS +AGE +TIME +TURNS +COST +PROMPT\nrun_\w+ +running .* first line second line\n$/);
  expect((await outcome(['ps', '-q'], { url })).out).toBe(`${found.id}\n`.repeat(2));
  expect(asked.splice(0)).toEqual(['running', 'queued', 'running', 'waiting']);
  expect(JSON.parse((await outcome(['ps', '-a', '-o', 'json'], { url })).out)).toEqual({ data: [found], next_page: null });
  expect(JSON.parse((await outcome(['ps', '-a', '-o', 'ndjson'], { url })).out)).toEqual(found);
  expect(asked).toEqual(['all', 'all']);
});

test('recover sends what was decided', async () => {
  const undecided = run({ status: 'waiting', waiting_for: 'recovery', reason: 'Bash was under way.', ended_at: null, duration_ms: null });
  const asked: unknown[] = [];
  const url = await serve((request, response, { pathname }) => {
    if (request.method !== 'POST') return json(response, 200, undecided);
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece)).on('end', () => {
      asked.push([pathname, JSON.parse(body)]);
      json(response, 200, { ...undecided, status: 'queued', waiting_for: null, reason: null });
    });
  });
  expect(await outcome(['recover', undecided.id, 'resume'], { url })).toMatchObject({ code: 0, out: `${undecided.id} queued\n` });
  expect(asked).toEqual([[`/v1/runs/${undecided.id}/recover`, { action: 'resume' }]]);
  for (const argv of [['recover', undecided.id], ['recover', undecided.id, 'retry'], ['recover']]) expect((await outcome(argv, { url })).code).toBe(2);
  const refused = await serve(problem(409, 'conflict', 'The run is running.'));
  expect(await outcome(['recover', undecided.id, 'resume'], { url: refused })).toMatchObject({ code: 1, out: '', err: expect.stringContaining('is running') });
  const details = (await outcome(['show', undecided.id], { url })).out;
  expect(details).toMatch(/waiting \(recovery\)[^]*Bash was under way\./);
});

test('a run that waits for a decision is not over: wait says whom it waits for, once, and goes on waiting', async () => {
  const undecided = run({ status: 'waiting', waiting_for: 'recovery' });
  const url = await serve((_, response) => json(response, 200, undecided));
  const done = await outcome(['wait', undecided.id, '--timeout', '3'], { url });
  expect([done.code, done.out]).toEqual([124, '']);
  expect(done.err.match(/waits for somebody to decide: \S*runyard recover run_/g)).toHaveLength(1);
});

test('ps tells what a run waits for and for how long', async () => {
  const resumes_at = new Date(Date.now() + 3_630_000).toISOString();
  const url = await serve(list(run({ status: 'waiting', waiting_for: 'quota', resumes_at })));
  expect((await outcome(['ps', '-a'], { url })).out).toContain(' waiting (quota, in 1h) ');
});

test('cancel goes on with the others when one is not there', async () => {
  const [gone, live] = [newId('run'), run({ status: 'running' })];
  const url = await serve((request, response, at) => {
    if (at.pathname.includes(gone)) problem(404, 'not_found', 'There is no such run.')(request, response, at);
    else json(response, 200, { ...live, cancel_requested_at: '2026-01-01T00:00:00.000Z' });
  });
  const done = await outcome(['cancel', gone, live.id], { url });
  expect([done.code, done.out]).toEqual([3, `${live.id} canceling\n`]);
});

test('where people cannot run this file, hints name the command that they have, and no address that only we can ask', async () => {
  const env = { RUNYARD_COMMAND: 'docker compose exec api runyard' };
  const url = await serve(problem(404, 'not_found', 'There is no such run.'));
  const missing = await outcome(['show', newId('run')], { url, env });
  expect(missing.err).toContain('docker compose exec api runyard ps -a lists the runs');
  const without = await outcome(['key'], { env: { ...env, RUNYARD_DATA_DIR: '/nowhere', RUNYARD_API_KEY: '' } });
  const place = await temporaryDirectory();
  onTestFinished(() => place.remove());
  const gone = { url: NOBODY, pid: 2 ** 30, started_at: '2026-01-01T00:00:00.000Z' };
  await writeFile(`${place.path}/server.json`, JSON.stringify(gone), { mode: 0o600 });
  const away = await outcome(['status'], { url: '', env: { ...env, RUNYARD_DATA_DIR: place.path } });
  expect([without.code, away.code]).toEqual([3, 5]);
  for (const { err } of [missing, without, away]) expect(err).not.toMatch(/npm start|bin\/runyard/);
});

test('key prints the key, --path where it is; none is 3', async () => {
  expect((await outcome(['key'])).out).toBe(`${'k'.repeat(20)}\n`);
  expect((await outcome(['key', '--path'], { env: { RUNYARD_DATA_DIR: '/nowhere' } })).out).toBe('/nowhere/admin.key\n');
  const none = await outcome(['key'], { env: { RUNYARD_DATA_DIR: '/nowhere', RUNYARD_API_KEY: '' } });
  expect([none.code, none.out]).toEqual([3, '']);
});
