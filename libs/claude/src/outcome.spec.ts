import { expect, test } from 'vitest';
import type { ClaudeExit } from './claude-process.js';
import type { Denial } from './denials.js';
import { outcomeOf } from './outcome.js';
import type { OutcomeInput } from './outcome.js';
import { ProcessUsage } from './process-usage.js';

const denied = (more: Partial<Denial> = {}): Denial => ({ toolUseId: 'a', toolName: 'Bash', input: { command: 'npm test' }, message: 'This command requires approval', unanswered: true, ...more });
const good = { is_error: false, subtype: 'success', result: 'the answer', stop_reason: 'end_turn' };
const usage = { input_tokens: 1, output_tokens: 2, cache_read_input_tokens: 3, cache_creation_input_tokens: 4 };

function used(...results: object[]): ProcessUsage {
  const sum = new ProcessUsage();
  for (const result of results) sum.result({ ...result });
  return sum;
}

type Tracker = OutcomeInput['tracker'];
const tracker = (more: Partial<Tracker> = {}): Tracker => ({
  lastResult: good,
  structuredOutput: undefined,
  denials: [],
  errorClass: undefined,
  sawMessage: true,
  usage: used({ usage, total_cost_usd: 0.5, num_turns: 2 }),
  turnOpen: false,
  ...more,
});
const silent: Partial<Tracker> = { lastResult: undefined, sawMessage: false, usage: used() };

function outcome(trackerState: Partial<Tracker> = {}, more: Partial<Omit<OutcomeInput, 'tracker'>> = {}) {
  const exit: ClaudeExit = { code: 0, signal: null };
  return outcomeOf({ exit, stderr: '', requestedSchema: false, costBeforeUsd: 0.2, ...more, tracker: tracker(trackerState) });
}

test('success', () => {
  expect(outcome({}, { durationMs: 7 })).toEqual({
    status: 'succeeded',
    failure: null,
    result: 'the answer',
    structured_output: null,
    usage,
    cost_usd: 0.3,
    cost_estimated: false,
    num_turns: 2,
    duration_ms: 7,
  });
});

test('subtype success does not make a success', () => {
  expect(outcome({ lastResult: { ...good, is_error: true, result: 'boom' } })).toMatchObject({ status: 'failed', result: null, failure: { code: 'exited', message: expect.stringContaining('boom') } });
});

test('a result that does not say is_error is no success either', () => {
  expect(outcome({ lastResult: { subtype: 'success', result: 'x' } }).status).toBe('failed');
});

test.each([
  ['canceled', 'canceled', null],
  ['timed_out', 'failed', 'timed_out'],
  ['stalled', 'failed', 'stalled'],
  ['not_exiting', 'failed', 'not_exiting'],
  ['worker_lost', 'failed', 'worker_lost'],
] as const)('a stop that we ordered (%s) decides, and what was produced is kept', (reason, status, code) => {
  const stop = reason === 'canceled' ? { reason } : { reason, message: 'We stopped it.' };
  const endings: [ClaudeExit, Partial<Tracker>][] = [
    [{ code: 0, signal: null }, {}],
    [{ code: 143, signal: null }, { turnOpen: true }],
    [{ code: null, signal: 'SIGKILL' }, { lastResult: { is_error: true, subtype: 'error_during_execution', errors: ['x'] } }],
    [{ code: 1, signal: null }, { denials: [denied()] }],
  ];
  for (const [exit, state] of endings) {
    const made = outcome(state, { exit, stop });
    expect([made.status, made.failure?.code ?? null]).toEqual([status, code]);
    expect(made).toMatchObject({ usage, cost_usd: 0.3, cost_estimated: state.turnOpen ?? false });
  }
  expect(outcome({}, { stop }).result).toBe('the answer');
});

test.each([
  [{ code: 'ENOENT', missing: 'binary', message: 'there is no program at /x' }, 'claude_not_found', '/x'],
  [{ code: 'EACCES', message: 'spawn /x EACCES' }, 'claude_not_found', 'EACCES'],
  [{ code: 'ENOENT', missing: 'directory', message: 'the working directory /w does not exist' }, 'workspace_failed', '/w'],
  [{ code: 'E2BIG', message: 'spawn E2BIG' }, 'invalid_options', 'E2BIG'],
  [{ code: 'EMFILE', message: 'too many open files' }, 'internal', 'EMFILE'],
] as const)('a process that cannot be started: %o', (spawnError, code, says) => {
  const exit = { code: null, signal: null, spawnError };
  expect(outcome(silent, { exit }).failure).toMatchObject({ code, message: expect.stringContaining(says) });
});

test.each([
  ['nothing at all', { code: 0, signal: null }, '', silent, 'no_output'],
  ['only messages, no result', { code: 0, signal: null }, '', { lastResult: undefined }, 'no_output'],
  ['SIGKILL', { code: null, signal: 'SIGKILL' }, '', { lastResult: undefined }, 'killed'],
  ['SIGTERM as the CLI reports it', { code: 143, signal: null }, '', { lastResult: undefined }, 'killed'],
  ['SIGKILL after the result', { code: null, signal: 'SIGKILL' }, '', {}, 'killed'],
  ['a code without reason after the result', { code: 7, signal: null }, '', {}, 'exited'],
  ['a usage error', { code: 1, signal: null }, "\nerror: option '--x' is invalid\nhelp\n", silent, 'invalid_options'],
  ['root and bypassPermissions', { code: 1, signal: null }, '--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons', silent, 'invalid_options'],
  ['a session nobody knows, on stderr', { code: 1, signal: null }, 'No conversation found with session ID: x', silent, 'session_not_found'],
  ['a full disk', { code: 1, signal: null }, 'ENOSPC: no space left on device, write', silent, 'disk_full'],
  ['a read-only temporary directory', { code: 1, signal: null }, "EROFS: read-only file system, mkdir '/tmp/claude-0'", silent, 'exited'],
  ['bubblewrap missing', { code: 1, signal: null }, 'Claude Code could not start: bubblewrap is required', silent, 'exited'],
  ['an error in the middle', { code: 1, signal: null }, 'Error: something', { lastResult: undefined }, 'exited'],
  ['an unknown code and silence', { code: 3, signal: null }, '', silent, 'exited'],
] as const)('%s → its code', (_, exit, stderr, state, code) => {
  const made = outcome(state, { exit, stderr });
  expect(made.status).toBe('failed');
  expect(made.failure?.code).toBe(code);
  if (stderr !== '') expect(made.failure?.message).toContain(stderr.trim().split('\n')[0]);
});

test.each([
  [{ subtype: 'error_max_turns', errors: ['Reached maximum number of turns (2)'] }, undefined, 'max_turns'],
  [{ subtype: 'error_max_budget_usd', errors: ['Reached maximum budget'] }, undefined, 'max_budget'],
  [{ subtype: 'error_max_structured_output_retries', errors: ['no'] }, undefined, 'output_schema_unmet'],
  [{ subtype: 'error_during_execution', errors: ['No conversation found with session ID: x'] }, undefined, 'session_not_found'],
  [{ subtype: 'error_during_execution', errors: ['[ede_diagnostic] x'] }, undefined, 'exited'],
  [{ terminal_reason: 'prompt_too_long', api_error_status: 400 }, 'invalid_request', 'prompt_too_long'],
  [{ api_error_status: 400 }, 'billing_error', 'billing_error'],
  [{ api_error_status: 400 }, 'invalid_request', 'invalid_request'],
  [{ api_error_status: 402 }, undefined, 'billing_error'],
  [{ api_error_status: 529 }, 'server_error', 'overloaded'],
  [{ api_error_status: 503 }, 'server_error', 'api_error'],
  [{ api_error_status: null, api_error: 'connection_failed' }, 'server_error', 'connection_failed'],
  [{ api_error_status: null, result: 'Request timed out.' }, 'unknown', 'connection_failed'],
  [{ api_error_status: null, result: 'Not logged in · Please run /login' }, undefined, 'authentication_failed'],
  [{ stop_reason: 'refusal', terminal_reason: 'api_error' }, 'invalid_request', 'refused'],
  [{ terminal_reason: 'api_error' }, 'constructor', 'api_error'],
  [{}, undefined, 'exited'],
])('a result with %o and class %s → %s', (fields, errorClass, code) => {
  const words = 'errors' in fields ? {} : { result: 'words of the CLI' };
  const lastResult = { is_error: true, subtype: 'success', ...words, ...fields };
  expect(outcome({ lastResult, errorClass }, { exit: { code: 1, signal: null } }).failure?.code).toBe(code);
});

test('a denial for want of an answer fails the run and names what would have allowed it; the answer is kept', () => {
  const made = outcome({ denials: [denied()] });
  expect(made).toMatchObject({ status: 'failed', result: 'the answer', failure: { code: 'permission_unanswered', retryable: false } });
  expect(made.failure?.message).toContain('Bash (npm test)');
  expect(made.failure?.message).toContain('"Bash(npm test)"');
});

test('a denial by a rule, a mode or a person does not', () => {
  expect(outcome({ denials: [denied({ unanswered: false })] }).status).toBe('succeeded');
});

test('a deferred tool and a refusal without error are no success', () => {
  expect(outcome({ lastResult: { ...good, stop_reason: 'tool_deferred', deferred_tool_use: { name: 'Write' } } }).failure).toMatchObject({ code: 'permission_unanswered', message: expect.stringContaining('Write') });
  expect(outcome({ lastResult: { ...good, stop_reason: 'refusal' } }).failure?.code).toBe('refused');
});

test('a structured answer is owed when a schema was given', () => {
  expect(outcome({}, { requestedSchema: true }).failure?.code).toBe('output_schema_unmet');
  expect(outcome({ structuredOutput: { a: 1 } }, { requestedSchema: true })).toMatchObject({ status: 'succeeded', structured_output: { a: 1 } });
});

test('without any result the price is unknown, not zero', () => {
  expect(outcome({ ...silent, turnOpen: true }, { exit: { code: 143, signal: null } })).toMatchObject({ cost_usd: null, cost_estimated: false, usage: null });
});
