// Secrets, variables and MCP servers of whole runs: a real worker, the real CLI, a real Redis, the demo model.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateRun } from '@runyard/domain';
import { processesWithMark, redisCommand, startHttpMcpServer, stdioMcpServer, waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { bash, script } from './demo-prompts.fixture.js';
import type { Block } from './demo-prompts.fixture.js';
import { standOfTest, workerStand } from './worker-stand.fixture.js';

/** With a quote and a backslash, so that it is written in several ways. */
const BASH_SECRET = 'bash "secret" 5d1c\\e07';
const MCP_SECRET = 'mcp-secret-93b1f6';
const AUTHORIZATION = 'Bearer http-secret-4417';
const VALUES = [BASH_SECRET, MCP_SECRET, AUTHORIZATION, 'secret 5d1c', 'secret\\" 5d1c'];

const stand = workerStand();
const { eventsOf } = stand;
let worker: TestWorker;

beforeAll(async () => {
  await writeFile(join(stand.base, 'mcp-secret'), `${MCP_SECRET}\n`);
  worker = await stand.workOn({
    RUNYARD_CLAUDE_MAX_RETRIES: '0',
    // How long the CLI waits for an MCP server.
    MCP_TIMEOUT: '20000',
    RUNYARD_SECRET_BASH: BASH_SECRET,
    RUNYARD_SECRET_MCP_FILE: join(stand.base, 'mcp-secret'),
    RUNYARD_SECRET_AUTHORIZATION: AUTHORIZATION,
    RUNYARD_SECRET_GONE_FILE: join(stand.base, 'gone'),
  });
});

/** Performs a run to its end. No process of it may be left by then. */
async function perform(request: CreateRun, meanwhile: (id: string) => Promise<void> = async () => undefined) {
  const run = await stand.submit(request);
  await meanwhile(run.id);
  const ended = await stand.ended(run);
  expect(await processesWithMark(ended.id)).toEqual([]);
  return ended;
}

/** A prompt with which the demo model uses these tools one after the other. */
function using(...uses: Block[]): string {
  return script(...uses, { text: 'done' });
}

const server = (more: object = {}) => ({ type: 'stdio' as const, command: process.execPath, args: [stdioMcpServer], ...more });

test('variables reach the commands of the run, as texts and as secrets', async () => {
  const run = await perform({
    prompt: using(bash('echo "[$PLAIN]"; printf %s "$HIDDEN" | wc -c; printf %s "$HIDDEN" > hidden.txt')),
    environment: { PLAIN: 'plain ${HOME} text', HIDDEN: { secret: 'BASH' } },
    allowed_tools: ['Bash'],
  });
  expect(run.outcome).toMatchObject({ status: 'succeeded', result: 'done' });
  const said = (await eventsOf(run)).filter((event) => event.type === 'claude.user').map((event) => event.text).join('\n');
  expect(said).toContain('[plain ${HOME} text]');
  expect(said).toContain(String(BASH_SECRET.length));
  expect(await readFile(stand.data('sessions', run.sessionId, 'workspace', 'hidden.txt'), 'utf8')).toBe(BASH_SECRET);
});

test('tools of a stdio server are called; its texts are taken literally and its secrets reach it', async () => {
  const run = await perform({
    prompt: using({ tool: 'mcp__files__greet', input: { name: 'ada' } }, { tool: 'mcp__files__variable', input: { name: 'LITERAL' } }, { tool: 'mcp__files__variable', input: { name: 'HIDDEN' } }),
    mcp_servers: { files: server({ args: [stdioMcpServer, '${ANTHROPIC_API_KEY}'], env: { LITERAL: '$${HOME:-x}', HIDDEN: { secret: 'MCP' } } }) },
    allowed_tools: ['mcp__files__greet', 'mcp__files__variable'],
  });
  expect(run.outcome).toMatchObject({ status: 'succeeded' });
  const events = await eventsOf(run);
  const said = events.filter((event) => event.type === 'claude.user').map((event) => event.text);
  expect(said[0]).toContain('hello ada, said ${ANTHROPIC_API_KEY}');
  expect(said[1]).toContain('$${HOME:-x}');
  expect(said[2]).toContain('"[redacted]"');
  expect(events.map((event) => event.type)).not.toContain('claude.control_response');
});

test('tools of an http server are called, with a secret as its header', async () => {
  const http = await startHttpMcpServer(AUTHORIZATION);
  onTestFinished(() => http.stop());
  const run = await perform({
    prompt: using({ tool: 'mcp__remote__ping' }),
    mcp_servers: { remote: { type: 'http', url: http.url, headers: { Authorization: { secret: 'AUTHORIZATION' } } } },
    allowed_tools: ['mcp__remote__ping'],
  });
  expect(run.outcome).toMatchObject({ status: 'succeeded' });
  expect(http.calls).toEqual(['ping']);
  expect((await eventsOf(run)).map((event) => event.text).join('\n')).toContain('pong over http');
});

test('an MCP tool that was not allowed fails the run with the entry that allows it', async () => {
  const run = await perform({ prompt: using({ tool: 'mcp__files__greet' }), mcp_servers: { files: server() } });
  expect(run.outcome).toMatchObject({ status: 'failed', failure: { code: 'permission_unanswered', message: expect.stringContaining('Allowed by allowed_tools: "mcp__files__greet"') } });
});

test('nothing of an MCP server is left, neither itself nor what it started', async () => {
  const run = await perform({
    prompt: using({ tool: 'mcp__files__leave' }),
    mcp_servers: { files: server({ args: [stdioMcpServer, 'stays'] }) },
    allowed_tools: ['mcp__files__leave'],
  });
  expect(run.outcome).toMatchObject({ status: 'succeeded' });
  const pid = /left (\d+)/.exec((await eventsOf(run)).map((event) => event.text).join('\n'))?.[1];
  expect(pid).toBeDefined();
  // Gone, or dead and not yet waited for.
  expect(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).toBe('');
});

test.each<[string, NonNullable<CreateRun['mcp_servers']>, RegExp]>([
  ['a program that is not there', { files: server(), broken: { type: 'stdio', command: '/nowhere/at/all' } }, /MCP server of mcp_servers cannot be used: broken \(failed: .*ENOENT/],
  ['a program that ends at once', { broken: { type: 'stdio', command: '/bin/sh', args: ['-c', 'exit 3'] } }, /broken \(failed/],
  ['an address where nobody listens', { broken: { type: 'http', url: 'http://127.0.0.1:9/mcp' }, more: { type: 'sse', url: 'http://127.0.0.1:9/sse' } }, /MCP servers .*broken \(.*more \(/],
])('%s as MCP server fails the run before anything is paid', async (_, servers, message) => {
  const run = await perform({ prompt: '[[text n=1]]', mcp_servers: servers });
  expect(run.outcome).toMatchObject({ status: 'failed', cost_usd: null, failure: { code: 'invalid_options', message: expect.stringMatching(message) } });
  const asked = JSON.stringify(await stand.model.requests());
  expect(asked).not.toContain(run.sessionId.replace(/^ses_(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
});

test('a server that takes its time is waited for', async () => {
  const run = await perform({
    prompt: using({ tool: 'mcp__files__greet', input: { name: 'ada' } }),
    mcp_servers: { files: server({ args: [stdioMcpServer, 'slow'] }) },
    allowed_tools: ['mcp__files__greet'],
  });
  expect(run.outcome).toMatchObject({ status: 'succeeded' });
});

test('a server that never answers fails the run; a cancel does not wait for it', async () => {
  const silent = { files: server({ args: [stdioMcpServer, 'silent', 'stays'] }) };
  const impatient = await standOfTest(onTestFinished);
  await impatient.workOn({ MCP_TIMEOUT: '1000' });
  const run = await impatient.perform({ prompt: '[[text n=1]]', mcp_servers: silent });
  expect(await processesWithMark(run.id)).toEqual([]);
  expect(run.outcome).toMatchObject({ status: 'failed', failure: { code: 'invalid_options', message: expect.stringMatching(/files \(/) } });

  const canceled = await perform({ prompt: '[[text n=1]]', mcp_servers: silent }, async (id) => {
    await waitFor(async () => (await processesWithMark(id)).length > 1, { what: 'the server' });
    await stand.store.cancel(id);
  });
  expect(canceled.outcome).toMatchObject({ status: 'canceled', failure: null });
});

test('a server that refuses the secret fails the run without telling it', async () => {
  const http = await startHttpMcpServer('Bearer another');
  onTestFinished(() => http.stop());
  const run = await perform({ prompt: '[[text n=1]]', mcp_servers: { remote: { type: 'http', url: http.url, headers: { Authorization: { secret: 'AUTHORIZATION' } } } } });
  expect(run.outcome).toMatchObject({ status: 'failed', failure: { code: 'invalid_options', message: expect.stringMatching(/remote \(/) } });
});

test('unknown secrets fail the run before anything is started, each by name', async () => {
  const run = await perform({ prompt: 'x', environment: { A: { secret: 'NOBODY' } }, mcp_servers: { files: server({ env: { B: { secret: 'GONE' }, C: { secret: 'MCP' } } }) } });
  expect(run.outcome).toMatchObject({ status: 'failed', failure: { code: 'invalid_options' } });
  expect(run.outcome.failure?.message).toMatch(/NOBODY: set RUNYARD_SECRET_NOBODY, or RUNYARD_SECRET_NOBODY_FILE .*RUNYARD_SECRET_GONE_FILE\) cannot be read \(ENOENT\)/);
  expect((await eventsOf(run)).map((event) => event.type)).toEqual(['run.queued', 'run.started', 'run.finished']);
});

test('a run that prints its secrets in every way leaves none of them in Redis, in files or in the log', async () => {
  const run = await perform({
    prompt: using(bash('echo "$HIDDEN"; env | grep HIDDEN; cat "$CLAUDE_CONFIG_DIR"/../mcp.json; echo "$HIDDEN" >&2'), { tool: 'mcp__files__variable', input: { name: 'HIDDEN' } }),
    environment: { HIDDEN: { secret: 'BASH' } },
    mcp_servers: { files: server({ env: { HIDDEN: { secret: 'MCP' } } }) },
    allowed_tools: ['Bash', 'mcp__files__variable'],
  });
  expect(run.outcome).toMatchObject({ status: 'succeeded' });
  const events = await eventsOf(run);
  expect(events.map((event) => event.text).join('\n')).toContain('HIDDEN=[redacted]');
  expect(events.map((event) => event.type)).not.toContain('claude.stream_event');
  await waitFor(async () => (await stand.store.get(run.id))?.log === 'redis', { what: 'the compaction' });
  const next = await perform({ prompt: '[[text n=1]]', session_id: run.sessionId });
  expect(next.outcome).toMatchObject({ status: 'succeeded' });

  const places = { redis: await everythingInRedis(), transcripts: await everythingBelow(stand.data('sessions')), log: JSON.stringify(worker.log) + worker.stderr() };
  expect(places.redis).toContain('"secret":"BASH"');
  expect(places.transcripts).toContain('HIDDEN=[redacted]');
  for (const [place, text] of Object.entries(places)) {
    for (const value of VALUES) expect(text.includes(value), `${value} in ${place}`).toBe(false);
  }
});

/** Its append-only file: every value that was ever written, also what was deleted or compressed since. */
async function everythingInRedis(): Promise<string> {
  const [, directory] = (await redisCommand(stand.redis.connection, 'CONFIG', 'GET', 'dir')) as [string, string];
  return everythingBelow(directory);
}

async function everythingBelow(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  // What a run writes into its workspace is its own affair.
  const files = entries.filter((entry) => entry.isFile() && !/\/workspace(\/|$)/.test(entry.parentPath)).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n');
}
