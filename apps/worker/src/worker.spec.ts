// Whole runs: a real worker process, the real CLI, a real Redis, and the demo model behind the CLI.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveClaudeBinary } from '@runyard/claude';
import { parseEventId, sessionUuidOf } from '@runyard/domain';
import type { CreateRun } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import type { RunRecord } from '@runyard/run-store';
import { fakeClaude, httpCall, processesWithMark, waitFor } from '@runyard/testing';
import type { FakeClaude } from '@runyard/testing';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

// What waiting for the provider does is told in upstream.spec.ts.
const stand = workerStand({ environment: { RUNYARD_CLAUDE_MAX_RETRIES: '0', RUNYARD_UPSTREAM_WAIT_SECONDS: '0' } });
const { work, submit, eventsOf } = stand;

/** Waits for the end of a run. No process of it may be left by then. */
async function end(run: Pick<RunRecord, 'id'>) {
  const ended = await stand.ended(run);
  expect(await processesWithMark(run.id)).toEqual([]);
  return ended;
}

const perform = async (request: CreateRun) => end(await submit(request));

describe('with one worker', () => {
  beforeAll(async () => {
    const worker = await stand.workOn();
    return async () => void (await worker.stop());
  });

  test('a prompt becomes an answer, with its events in order and its price', async () => {
    const run = await perform({ prompt: '[[text n=5]]' });
    expect(run).toMatchObject({ status: 'succeeded', attempt: 1, model: expect.stringMatching(/^claude-/) });
    expect(run.outcome).toMatchObject({ failure: null, result: 'word-1 word-2 word-3 word-4 word-5', num_turns: 1, cost_estimated: false });
    expect(run.outcome.cost_usd).toBeGreaterThan(0);
    expect(run.outcome.usage?.output_tokens).toBeGreaterThan(0);
    expect(run.outcome.duration_ms).toBeGreaterThan(0);

    const events = await eventsOf(run);
    const types = [...new Set(events.map((event) => event.type))];
    expect(types.slice(0, 3)).toEqual(['run.queued', 'run.started', 'workspace.ready']);
    expect(types.at(-1)).toBe('run.finished');
    expect(types).toEqual(expect.arrayContaining(['claude.system', 'claude.assistant', 'claude.result']));
    expect(events.map((event) => parseEventId(event.id)?.attempt)).toEqual([0, ...events.slice(1).map(() => 1)]);
    const result = events.find((event) => event.type === 'claude.result');
    expect(result?.body['session_id']).toBe(sessionUuidOf(run.sessionId));
    expect(await readdir(stand.data('sessions', run.sessionId))).toContain(`${sessionUuidOf(run.sessionId)}.jsonl`);
  });

  test('tools really work in the scratch workspace of the session', async () => {
    const run = await perform({ prompt: '[[edit path=made.md]]' });
    expect(run.status).toBe('succeeded');
    const workspace = stand.data('sessions', run.sessionId, 'workspace');
    expect(await readFile(join(workspace, 'made.md'), 'utf8')).toContain('state: done');
    const ready = (await eventsOf(run)).find((event) => event.type === 'workspace.ready');
    expect(ready?.body).toEqual({ type: 'scratch', path: workspace, ignored: [] });
  });

  test('a directory is worked in as it is; its settings do not rule, its CLAUDE.md is told', async () => {
    const path = join(stand.base, 'projects', 'repository');
    await mkdir(join(path, '.claude'), { recursive: true });
    await writeFile(join(path, 'CLAUDE.md'), 'Always mention the walrus of this repository.');
    const hook = { hooks: { SessionStart: [{ hooks: [{ type: 'command', command: `touch ${join(stand.base, 'hooked')}` }] }] } };
    await writeFile(join(path, '.claude', 'settings.json'), JSON.stringify(hook));

    const run = await perform({ prompt: '[[write path=here.txt]]', workspace: { type: 'directory', path } });
    expect(run.status).toBe('succeeded');
    expect(existsSync(join(path, 'here.txt'))).toBe(true);
    expect(existsSync(join(stand.base, 'hooked'))).toBe(false);
    const ready = (await eventsOf(run)).find((event) => event.type === 'workspace.ready');
    expect(ready?.body).toEqual({ type: 'directory', path, ignored: ['.claude/settings.json'] });
    const transcript = (session: string) => readFile(stand.data('sessions', session, `${sessionUuidOf(session)}.jsonl`), 'utf8');
    expect(await transcript(run.sessionId)).toContain('the walrus of this repository');

    const trusted = await perform({ prompt: '[[text n=1]]', workspace: { type: 'directory', path, trust: 'project' } });
    expect(trusted.status).toBe('succeeded');
    expect(existsSync(join(stand.base, 'hooked'))).toBe(true);
    expect(await transcript(trusted.sessionId)).toContain('the walrus of this repository');
  });

  test.each<[string, CreateRun, string, RegExp]>([
    ['a workspace outside the roots', { prompt: 'x', workspace: { type: 'directory', path: '/' } }, 'workspace_failed', /RUNYARD_WORKSPACES/],
    ['a denied tool', { prompt: '[[write path=a.txt]]', permission_mode: 'default' }, 'permission_unanswered', /Write/],
    ['a time limit', { prompt: '[[slow n=600 delay=100]]', timeout_seconds: 3 }, 'timed_out', /limit of 3 s/],
    ['a turn limit', { prompt: '[[loop]]', max_turns: 2, allowed_tools: ['Bash'] }, 'max_turns', /./],
    ['a budget', { prompt: '[[loop]]', max_budget_usd: 0.0001, allowed_tools: ['Bash'] }, 'max_budget', /./],
    ['a wrong key', { prompt: '[[status status=401]]' }, 'authentication_failed', /ANTHROPIC_API_KEY/],
    ['an exhausted quota', { prompt: '[[status status=429 retry_after=3600]]' }, 'rate_limited', /./],
    ['an option that the CLI refuses', { prompt: 'x', output_schema: { type: 'nonsense' } }, 'invalid_options', /./],
  ])('%s fails the run with its code', async (_, request, code, message) => {
    const run = await perform(request);
    expect(run).toMatchObject({ status: 'failed', outcome: { failure: { code, message: expect.stringMatching(message) } } });
    expect((await eventsOf(run)).at(-1)).toMatchObject({ type: 'run.finished', body: { status: 'failed', failure: { code } } });
  });

  test('a run ends when its background commands have ended, and the last answer counts', async () => {
    const run = await perform({ prompt: '[[background seconds=8]]', allowed_tools: ['Bash'] });
    expect(run.status).toBe('succeeded');
    const results = (await eventsOf(run)).filter((event) => event.type === 'claude.result').map((event) => event.body['result']);
    expect(results.length).toBeGreaterThan(1);
    expect(run.outcome.result).toBe(results.at(-1));
  });

  test('a run whose ticket was forgotten gets one, and its finished log leaves the stream', async () => {
    const answer = await stand.store.create({ request: { prompt: '[[text n=1]]' }, trigger: 'api' });
    if (answer.kind !== 'created') throw new Error(answer.kind);
    const run = await end(answer.run);
    expect(run).toMatchObject({ status: 'succeeded', dispatch: 1 });
    await waitFor(async () => (await stand.store.get(run.id))?.log === 'redis', { what: 'the compaction' });
    expect((await eventsOf(run)).at(-1)?.type).toBe('run.finished');
  });

  test('the registry shows the worker and what it does', async () => {
    const run = await submit({ prompt: '[[slow n=100 delay=50]]' });
    const busy = await waitFor(async () => (await stand.store.workers()).find((worker) => worker.runIds.includes(run.id)), { what: 'the run in the registry' });
    expect(busy).toMatchObject({ state: 'ready', capacity: 4, busy: 1, claudeVersion: expect.stringMatching(/^2\./), version: expect.stringMatching(/^\d/) });
    await end(run);
    await waitFor(async () => (await stand.store.workers()).some((worker) => worker.id === busy.id && worker.busy === 0), { what: 'the free place' });
  });

  test('a ticket that comes again changes nothing', async () => {
    const run = await submit({ prompt: '[[slow n=10 delay=50]]' });
    const other = RunQueue.open({ redis: stand.redis.connection });
    onTestFinished(() => other.close());
    await other.enqueue({ runId: run.id, dispatch: 1 });
    await other.enqueue({ runId: run.id, dispatch: 2 });
    expect(await end(run)).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  test('bypassPermissions is refused as root and works for others', async () => {
    const run = await perform({ prompt: '[[text n=1]]', permission_mode: 'bypassPermissions' });
    const expected = process.getuid?.() === 0 ? { status: 'failed', outcome: { failure: { code: 'invalid_options' } } } : { status: 'succeeded' };
    expect(run).toMatchObject(expected);
  });

  test('the options of the request reach the CLI', async () => {
    const schema = { type: 'object', properties: { colour: { type: 'string' } }, required: ['colour'] };
    const run = await perform({
      prompt: [{ type: 'text', text: '[[schema]]' }],
      model: 'claude-haiku-4-5',
      output_schema: schema,
      permission_mode: 'plan',
      disallowed_tools: ['WebFetch'],
      append_system_prompt: 'Speak like a lighthouse keeper.',
    });
    expect(run).toMatchObject({ status: 'succeeded', model: 'claude-haiku-4-5', outcome: { structured_output: { colour: expect.any(String) } } });
    const init = (await eventsOf(run)).find((event) => event.body['subtype'] === 'init')?.body;
    expect(init).toMatchObject({ permissionMode: 'plan', model: 'claude-haiku-4-5' });
    expect(init?.['tools']).not.toContain('WebFetch');
    const file = stand.data('sessions', run.sessionId, `${sessionUuidOf(run.sessionId)}.jsonl`);
    expect(await readFile(file, 'utf8')).toContain('lighthouse keeper');
  });

  test('runs of one session go one after the other, and each starts where the one before ended', async () => {
    const one = await submit({ prompt: '[[slow n=100 delay=50]] first' });
    const two = await submit({ prompt: '[[text n=1]] second', session_id: one.sessionId });
    expect(two.queuedReason).toBe('session');
    const [first, second] = await Promise.all([end(one), end(two)]);
    expect([first.status, second.status]).toEqual(['succeeded', 'succeeded']);
    expect(Date.parse(second.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(first.endedAt ?? ''));
  });

  test('a session without a transcript cannot go on', async () => {
    const one = await perform({ prompt: 'x', workspace: { type: 'directory', path: '/' } });
    const two = await perform({ prompt: '[[text n=1]]', session_id: one.sessionId });
    expect(two).toMatchObject({ status: 'failed', outcome: { failure: { code: 'session_not_found' } } });
  });
});

test('a session goes on with another worker, is forked, and each run is charged its own price', async () => {
  const first = await work();
  const one = await perform({ prompt: '[[write path=kept.txt]] one' });
  await first.stop();
  await work();
  const two = await perform({ prompt: '[[bash cmd="ls"]] two', session_id: one.sessionId });
  const fork = await perform({ prompt: '[[text n=3]] three', session_id: one.sessionId, fork: true });
  expect([one, two, fork].map((run) => run.status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(two.workerId).not.toBe(one.workerId);
  expect(two.outcome?.result).toContain('kept.txt');
  expect(fork.sessionId).not.toBe(one.sessionId);
  const totals = (await Promise.all([one, two, fork].map(eventsOf))).map((events) => events.find((event) => event.type === 'claude.result')?.body['total_cost_usd']);
  const prices = [one, two, fork].map((run) => run.outcome.cost_usd ?? 0);
  expect(prices[0]).toBeCloseTo(Number(totals[0]), 7);
  expect(prices[1]).toBeCloseTo(Number(totals[1]) - Number(totals[0]), 7);
  expect(prices[2]).toBeCloseTo(Number(totals[2]) - Number(totals[1]), 7);
  const transcript = await readFile(stand.data('sessions', fork.sessionId, `${sessionUuidOf(fork.sessionId)}.jsonl`), 'utf8');
  expect(transcript).toContain('[[write path=kept.txt]] one');
});

test('without a claude binary runs fail with the next step and the worker is not ready, until there is one', async () => {
  const path = join(stand.base, 'claude-that-comes-later');
  const worker = await work({ RUNYARD_CLAUDE_BIN: path });
  const ready = async () => httpCall(await worker.url(), '/readyz');
  const redisIsWell = async () => { const answer = await ready(); return (answer.json as { checks: { redis: { ok: boolean } } }).checks.redis.ok && answer; };
  expect(await waitFor(redisIsWell, { what: 'an answer of Redis to the look at it' })).toMatchObject({ status: 503, json: { checks: { claude: { ok: false, detail: expect.stringContaining('RUNYARD_CLAUDE_BIN') } } } });
  const failed = await perform({ prompt: '[[text n=1]]' });
  expect(failed).toMatchObject({ status: 'failed', outcome: { failure: { code: 'claude_not_found', message: expect.stringContaining('npm install') } } });
  const real = resolveClaudeBinary();
  if ('missing' in real) throw new Error(real.missing);
  await symlink(real.path, path);
  await waitFor(async () => (await ready()).status === 200, { what: 'the worker to be ready' });
  expect(await perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'succeeded' });
});

test.each<[FakeClaude, Record<string, string>, object]>([
  ['never-speaks', { RUNYARD_FIRST_MESSAGE_TIMEOUT_SECONDS: '1' }, { status: 'failed', failure: { code: 'stalled' } }],
  ['stops-in-the-middle', { RUNYARD_SILENCE_TIMEOUT_SECONDS: '1' }, { status: 'failed', failure: { code: 'stalled' } }],
  ['stays-after-its-result', { RUNYARD_EXIT_TIMEOUT_SECONDS: '1' }, { status: 'failed', failure: { code: 'not_exiting' }, result: 'done' }],
  ['kills-itself', {}, { status: 'failed', failure: { code: 'killed' } }],
  ['exits-without-output', {}, { status: 'failed', failure: { code: 'no_output' } }],
  ['leaves-a-child-with-stdout', {}, { status: 'succeeded' }],
  ['prints-a-huge-line', {}, { status: 'succeeded' }],
  ['floods-its-output', {}, { status: 'succeeded' }],
  ['prints-garbage', {}, { status: 'succeeded', result: 'answer after garbage' }],
])('a CLI that %s', async (name, settings, outcome) => {
  await work({ ...settings, RUNYARD_CLAUDE_BIN: fakeClaude(name) });
  const run = await perform({ prompt: 'x' });
  expect(run.outcome).toMatchObject(outcome);
  if (name !== 'prints-garbage') return;
  const events = await eventsOf(run);
  expect(events.map((event) => event.type)).toContain('claude.a_type_of_tomorrow');
  expect(events.filter((event) => event.type === 'log.stderr').map((event) => event.body['text'])).toContain('plain text\n');
});
