// Every way in which the CLI fails, with the real binary against the demo model: one test each.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FailureCode } from '@runyard/domain';
import { freePort, startDemoModel, temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory, TestDemoModel } from '@runyard/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClaudeSpec } from './arguments.js';
import { resolveClaudeBinary } from './claude-binary.js';
import { driveClaude, requireBinary } from './spec-support/drive-claude.js';
import type { Driven } from './spec-support/drive-claude.js';

const bin = requireBinary(resolveClaudeBinary());
let model: TestDemoModel;
let directory: TemporaryDirectory;
let count = 0;

beforeAll(async () => {
  [model, directory] = await Promise.all([startDemoModel(), temporaryDirectory()]);
});
afterAll(async () => {
  await model.stop();
  await directory.remove();
});

interface Row {
  readonly name: string;
  readonly prompt: string;
  readonly code: FailureCode;
  /** In the failure's message. */
  readonly says: string | RegExp;
  readonly spec?: Partial<ClaudeSpec>;
  readonly env?: Record<string, string>;
}

// No question leaves the machine: a label of more than 63 characters can be in no DNS packet.
const IMPOSSIBLE_HOST = `${'x'.repeat(64)}.invalid`;
const schema = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] };

const ROWS: readonly Row[] = [
  { name: '400 invalid', prompt: '[[status status=400]]', code: 'invalid_request', says: '400' },
  { name: '400 prompt too long', prompt: '[[status kind=prompt_too_long]]', code: 'prompt_too_long', says: /too long/ },
  { name: '400 credit too low', prompt: '[[status kind=credit]]', code: 'billing_error', says: 'Credit balance is too low' },
  { name: '401', prompt: '[[status status=401]]', code: 'authentication_failed', says: 'Invalid API key' },
  { name: '403', prompt: '[[status status=403]]', code: 'authentication_failed', says: '403' },
  { name: '404 model', prompt: '[[status kind=model_not_found]]', spec: { model: 'no-such-model' }, code: 'model_not_found', says: 'no-such-model' },
  { name: '413', prompt: '[[status status=413]]', code: 'invalid_request', says: 'too large' },
  { name: '429', prompt: '[[status status=429]]', code: 'rate_limited', says: '429' },
  { name: '429 with a long retry-after', prompt: '[[status status=429 retry_after=3600]]', code: 'rate_limited', says: '429' },
  { name: '500', prompt: '[[status status=500]]', code: 'api_error', says: '500' },
  { name: '500 that must not be retried', prompt: '[[status status=500 should_retry=false]]', env: { CLAUDE_CODE_MAX_RETRIES: '10' }, code: 'api_error', says: '500' },
  { name: '529', prompt: '[[status status=529]]', code: 'overloaded', says: '529' },
  { name: '529 until the CLI gives up by itself', prompt: '[[status status=529]]', env: { CLAUDE_CODE_MAX_RETRIES: '10' }, code: 'overloaded', says: '529' },
  { name: 'a host name nobody knows', prompt: 'hi', env: { ANTHROPIC_BASE_URL: `http://${IMPOSSIBLE_HOST}` }, code: 'connection_failed', says: /EAI_AGAIN|ENOTFOUND|DNS|resolve/i },
  { name: 'a reset before headers', prompt: '[[reset after=0]]', code: 'connection_failed', says: /ECONNRESET|dropped|closed/i },
  { name: 'no response headers', prompt: '[[hang]]', env: { API_TIMEOUT_MS: '1000' }, code: 'connection_failed', says: /timed out/i },
  { name: 'max_tokens always', prompt: '[[max_tokens]]', code: 'max_output_tokens', says: 'output token maximum' },
  { name: 'a refusal', prompt: '[[refusal]]', code: 'refused', says: /safeguards|refus/ },
  { name: 'no credentials', prompt: 'hi', env: { ANTHROPIC_API_KEY: '' }, code: 'authentication_failed', says: 'Not logged in' },
  { name: 'max_turns', prompt: '[[loop]]', spec: { maxTurns: 2 }, code: 'max_turns', says: '(2)' },
  { name: 'max_budget_usd', prompt: '[[loop]]', spec: { maxBudgetUsd: 0.00001 }, code: 'max_budget', says: '0.00001' },
  { name: 'a schema that is never met', prompt: '[[schema bad=1]]', spec: { outputSchema: schema }, code: 'output_schema_unmet', says: 'structured output' },
  { name: 'a schema that is not tried', prompt: '[[text n=1]]', spec: { outputSchema: schema, disallowedTools: ['StructuredOutput'] }, code: 'output_schema_unmet', says: 'structured answer' },
  { name: 'a schema that is none', prompt: 'hi', spec: { outputSchema: { type: 'nonsense' } }, code: 'invalid_options', says: '--json-schema is not a valid JSON Schema' },
  { name: 'an option the CLI refuses', prompt: 'hi', spec: { maxBudgetUsd: -1 }, code: 'invalid_options', says: '--max-budget-usd' },
  { name: 'a session nobody knows', prompt: 'hi', spec: { session: { mode: 'resume', sessionId: '99999999-1111-4111-8111-111111111111' } }, code: 'session_not_found', says: '99999999' },
];

function run(row: Pick<Row, 'prompt' | 'spec' | 'env'>): Promise<Driven> {
  count += 1;
  return driveClaude({ bin, modelUrl: model.url, directory: join(directory.path, String(count)), ...row });
}

describe('each way to fail has its code, its words and keeps the exit code out of it', () => {
  test.each(ROWS)('$name → $code', { timeout: 120_000 }, async (row) => {
    const { outcome, exit } = await run(row);
    expect(outcome.failure).toMatchObject({ code: row.code });
    expect(outcome.status).toBe('failed');
    expect(outcome.failure?.message).toMatch(row.says);
    expect(outcome.result === null || exit.code === 0, 'an error text is not an answer').toBe(true);
  });

  test('connection refused → connection_failed', { timeout: 120_000 }, async () => {
    const port = await freePort();
    const { outcome } = await run({ prompt: 'hi', env: { ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}` } });
    expect(outcome.failure).toMatchObject({ code: 'connection_failed', retryable: true });
    expect(outcome.failure?.message).toContain('ECONNREFUSED');
  });

  test('a hook that defers a tool → permission_unanswered although exit code and result look well', { timeout: 120_000 }, async () => {
    const place = join(directory.path, 'deferred');
    const decision = JSON.stringify({ hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'defer' } });
    const hook = { type: 'command', command: `echo '${decision}'` };
    const settings = { hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [hook] }] } };
    mkdirSync(join(place, 'config'), { recursive: true });
    writeFileSync(join(place, 'config', 'settings.json'), JSON.stringify(settings));
    const { outcome, exit, tracker } = await driveClaude({ bin, modelUrl: model.url, directory: place, prompt: '[[bash cmd="echo hi"]]' });
    expect(tracker.lastResult).toMatchObject({ is_error: false, stop_reason: 'tool_deferred' });
    expect(exit.code).toBe(0);
    expect(outcome.failure).toMatchObject({ code: 'permission_unanswered', message: expect.stringContaining('Bash') });
  });
});

describe('what the CLI overcomes by itself is no failure', () => {
  test.each([
    { name: '429 twice with retry-after', prompt: '[[status status=429 fail=2 retry_after=1]] [[text n=3]]' },
    { name: 'a reset in the middle of the answer', prompt: '[[reset after=3 fail=1]] [[text n=20 delay=5]]' },
    { name: 'a reset in the middle of every stream', prompt: '[[reset after=3]] [[text n=20 delay=5]]' },
    { name: 'an error event in the middle of the answer', prompt: '[[sse_error after=2 fail=1]] [[text n=20 delay=5]]' },
  ])('$name', { timeout: 120_000 }, async ({ prompt }) => {
    const { outcome } = await run({ prompt, env: { CLAUDE_CODE_MAX_RETRIES: '3' } });
    expect(outcome).toMatchObject({ status: 'succeeded', failure: null, cost_estimated: false });
    expect(outcome.result).not.toBe('');
  });

  test('an overloaded model with a fallback', { timeout: 120_000 }, async () => {
    const { outcome, messages } = await run({
      prompt: '[[status status=529 fail=3]] [[text n=3]]',
      spec: { model: 'claude-opus-5-5', fallbackModel: 'claude-haiku-4-5' },
      env: { CLAUDE_CODE_MAX_RETRIES: '10' },
    });
    expect(outcome.status).toBe('succeeded');
    expect(messages).toContainEqual(expect.objectContaining({ subtype: 'model_fallback', fallback_model: 'claude-haiku-4-5' }));
  });
});
