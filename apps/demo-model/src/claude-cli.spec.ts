// The real CLI against the demo model: what the two of them really do together.
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startDemoModel } from './server.js';
import type { DemoModel } from './server.js';

const TIMEOUT_MS = 120_000;
const packageName = `@anthropic-ai/claude-code-${process.platform}-${process.arch}/package.json`;
const claude = createRequire(import.meta.url).resolve(packageName).replace(/package\.json$/, 'claude');

let model: DemoModel;
beforeAll(async () => {
  model = await startDemoModel({ host: '127.0.0.1', port: 0 });
});
afterAll(() => model.stop());

interface Line extends Readonly<Record<string, unknown>> {
  readonly type: string;
  readonly message?: { readonly content: readonly { readonly type: string; readonly name?: string }[] };
  readonly event?: { readonly delta?: { readonly text?: string; readonly thinking?: string } };
  readonly usage?: Readonly<Record<string, number>>;
}

interface Run {
  readonly code: number | null;
  readonly lines: readonly Line[];
  readonly result: Line;
  readonly workspace: string;
  readonly requests: readonly Record<string, unknown>[];
}

interface Hooks {
  /** While the workspace is still there. */
  readonly check?: (workspace: string) => Promise<void>;
  /** Called when the first result is there, before the process has ended. */
  readonly onResult?: (workspace: string) => Promise<void>;
}

/** One prompt in an empty workspace, as a worker would start it; everything it left is removed afterwards. */
async function run(prompt: string, args: readonly string[] = [], { check, onResult }: Hooks = {}): Promise<Run> {
  const directory = await temporaryDirectory();
  try {
    const workspace = directory.path;
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: directory.path,
      CLAUDE_CONFIG_DIR: join(directory.path, '.claude'),
      CLAUDE_CODE_TMPDIR: directory.path,
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'no-key',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_TELEMETRY: '1',
      DISABLE_AUTOUPDATER: '1',
      CLAUDE_CODE_MAX_RETRIES: '2',
    };
    const flags = ['-p', '--output-format', 'stream-json', '--verbose', '--include-partial-messages', '--setting-sources', 'user'];
    const child = spawn(claude, [...flags, '--permission-mode', 'acceptEdits', ...args], { env, cwd: workspace });
    // Only matters when a test runs out of time.
    onTestFinished(() => void child.kill('SIGTERM'));
    child.stdin.end(prompt);
    const lines: Line[] = [];
    let atResult: Promise<void> | undefined;
    createInterface({ input: child.stdout.setEncoding('utf8') }).on('line', (line) => {
      if (line !== '') lines.push(JSON.parse(line));
      if (lines.at(-1)?.type === 'result') atResult ??= onResult?.(workspace);
    });
    child.stderr.resume();
    const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    const result = lines.findLast((line) => line.type === 'result');
    if (result === undefined) throw new Error(`no result: ${JSON.stringify(lines).slice(-500)}`);
    await atResult;
    await check?.(workspace);
    const log = (await (await fetch(`${model.url}/__demo/requests`)).json()) as { data: Record<string, unknown>[] };
    const requests = log.data.filter((entry) => entry['session_id'] === result['session_id']);
    return { code, lines, result, workspace, requests };
  } finally {
    await directory.remove();
  }
}

const toolCalls = (lines: readonly Line[]): string[] =>
  lines
    .filter((line) => line.type === 'assistant')
    .flatMap((line) => line.message?.content ?? [])
    .flatMap((block) => (block.type === 'tool_use' ? [block.name ?? ''] : []));

const streamed = (lines: readonly Line[], kind: 'text' | 'thinking'): string =>
  lines.map((line) => line.event?.delta?.[kind] ?? '').join('');

test('no marker: says that it is not Claude, really lists the workspace, needs no permission', { timeout: TIMEOUT_MS }, async () => {
  const { code, lines, result, requests } = await run('fix the bug in login');
  expect([code, result['is_error'], result['permission_denials']]).toEqual([0, false, []]);
  expect(streamed(lines, 'text')).toMatch(/^This is the offline demo model of Runyard\. It is not Claude/);
  expect(result['result']).toContain('Claude Code really ran `ls`');
  expect(result['result']).toMatch(/ANTHROPIC_API_KEY=.*`npm start` or `docker compose up`/);
  expect(toolCalls(lines)).toEqual(['Bash']);
  expect(requests.map((entry) => [entry['path'], entry['scenario'], entry['round']])).toEqual([
    ['/v1/messages', 'demo', 0],
    ['/v1/messages', 'demo', 1],
  ]);
});

test('text and split emoji: what was sent is what the CLI tells', { timeout: TIMEOUT_MS }, async () => {
  const { code, lines, result } = await run('[[emoji bytes=3 n=2]]');
  const sentence = 'A café 🧀, three signs 日本語, a family 👨‍👩‍👧‍👦, a flag 🏳️‍🌈 and a rocket 🚀. ';
  expect([code, String(result['result']).trim()]).toEqual([0, sentence.repeat(2).trim()]);
  expect(streamed(lines, 'text')).toBe(sentence.repeat(2));
});

test('edit: the file is really written, read, changed and shown; usage and price add up', { timeout: TIMEOUT_MS }, async () => {
  let written = '';
  const { code, lines, result } = await run('please [[edit path=notes.md]]', [], {
    check: async (workspace) => void (written = await readFile(join(workspace, 'notes.md'), 'utf8')),
  });
  expect(written).toBe('# Demo\n\nWritten by the demo model.\nstate: done\n');
  expect([code, result['num_turns'], result['permission_denials']]).toEqual([0, 5, []]);
  expect(toolCalls(lines)).toEqual(['Write', 'Read', 'Edit', 'Bash']);
  expect(result['result']).toContain('state: done');
  expect(result.usage).toMatchObject({ input_tokens: 15 });
  expect(result.usage?.['cache_read_input_tokens']).toBeGreaterThan(result.usage?.['cache_creation_input_tokens'] ?? Infinity);
  expect(result['total_cost_usd']).toBeGreaterThan(0);
});

test('think: thinking is told apart from text', { timeout: TIMEOUT_MS }, async () => {
  const { code, lines, result } = await run('[[think n=3]]');
  expect([code, result['result']]).toEqual([0, 'word-1 word-2 word-3']);
  expect(streamed(lines, 'thinking')).toBe('thought-1 thought-2 thought-3');
});

test('schema: the structured output fits what the CLI checks', { timeout: TIMEOUT_MS }, async () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', minLength: 9 }, size: { enum: ['big'] }, list: { type: 'array', items: { type: 'integer', minimum: 5 }, minItems: 2 } },
    required: ['name', 'size', 'list'],
    additionalProperties: false,
  };
  const { code, result } = await run('[[schema]]', ['--json-schema', JSON.stringify(schema)]);
  expect([code, result['structured_output']]).toEqual([0, { name: 'demo-----', size: 'big', list: [5, 5] }]);
});

test('background: a first result, and a second one when the command has ended', { timeout: TIMEOUT_MS }, async () => {
  // As [[background]] does it, but the command ends only when the first result is there.
  const input = { command: 'echo started && until [ -e {{cwd}}/go ]; do sleep 0.1; done', description: 'Wait in the background', run_in_background: true };
  const rounds = [{ tool: 'Bash', input }, { text: 'The command runs in the background.' }, { text: 'The background command has ended.' }];
  const script = `[[script ${JSON.stringify({ rounds: rounds.map((block) => ({ blocks: [block] })) })}]]`;
  const { code, lines } = await run(script, ['--allowedTools', 'Bash'], { onResult: (workspace) => writeFile(join(workspace, 'go'), '') });
  const results = lines.filter((line) => line.type === 'result').map((line) => line['result']);
  expect(code).toBe(0);
  expect(results).toEqual(['The command runs in the background.', 'The background command has ended.']);
  expect(lines.some((line) => line['subtype'] === 'task_notification' && line['status'] === 'completed')).toBe(true);
});

test('status: two failures and two retries, then the scenario goes on where it was', { timeout: TIMEOUT_MS }, async () => {
  const { code, lines, result, requests } = await run('[[status status=529 fail=2 round=1 retry_after=0]] [[bash cmd="echo hi"]]');
  expect([code, result['result']]).toEqual([0, 'Demo model: the tool answered: hi']);
  expect(lines.filter((line) => line['subtype'] === 'api_retry').map((line) => line['error_status'])).toEqual([529, 529]);
  expect(requests.map((entry) => [entry['round'], entry['status']])).toEqual([[0, 200], [1, 529], [1, 529], [1, 200]]);
});

test('reset: after the break the CLI asks again and gets all of the text', { timeout: TIMEOUT_MS }, async () => {
  const { code, lines, result, requests } = await run('[[reset after=3 fail=1]] [[text n=5]]');
  expect([code, result['result']]).toEqual([0, 'word-1 word-2 word-3 word-4 word-5']);
  expect(streamed(lines, 'text')).toMatch(/word-1 word-2 word-3 word-4 word-5$/);
  expect(requests).toHaveLength(2);
});
