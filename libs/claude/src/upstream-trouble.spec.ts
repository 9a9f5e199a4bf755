// For which failures a run may wait, and how long the provider said to wait.
import { expect, test } from 'vitest';
import { peekMessage } from './message-peek.js';
import { TurnTracker } from './turns.js';
import { upstreamTrouble } from './upstream-trouble.js';

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');
const failed = (api_error_status: number | null, result = 'API Error', more: object = {}) => ({ type: 'result', subtype: 'success', is_error: true, terminal_reason: 'api_error', api_error_status, result, ...more });
const retry = (retry_delay_ms: number) => ({ type: 'system', subtype: 'api_retry', attempt: 1, retry_delay_ms, error_status: 429 });
const limit = (status: string, resetsAt: number) => ({ type: 'rate_limit_event', rate_limit_info: { status, resetsAt } });
const words = (error: string) => ({ type: 'assistant', message: { model: '<synthetic>', content: [] }, parent_tool_use_id: null, error });

function troubleAfter(messages: object[], maxRetries = 3) {
  const tracker = new TurnTracker();
  for (const message of messages) {
    const line = Buffer.from(JSON.stringify(message));
    tracker.feed(line, peekMessage(line), 0);
  }
  const { lastResult: result, errorClass, upstreamSigns: signs } = tracker;
  return upstreamTrouble({ result, errorClass, signs, maxRetries, nowMs: NOW_MS });
}

test.each([
  ['429', failed(429), 'quota', 'rate_limited'],
  ['529', failed(529), 'overloaded', 'overloaded'],
  ['503', failed(503), 'overloaded', 'api_error'],
  ['credit', failed(400, 'Credit balance is too low', { api_error: undefined }), 'spend', 'billing_error'],
  ['401', failed(401, 'Invalid API key'), 'auth', 'authentication_failed'],
  ['403', failed(403), 'auth', 'authentication_failed'],
  ['no connection', failed(null, 'ECONNREFUSED', { api_error: 'connection_failed' }), 'connection', 'connection_failed'],
] as const)('%s: waiting helps', (name, result, kind, code) => {
  const before = name === 'credit' ? [words('billing_error')] : [];
  expect(troubleAfter([...before, result])).toMatchObject({ kind, code, message: expect.stringContaining(result.result) });
});

test.each([
  ['an answer', { type: 'result', subtype: 'success', is_error: false, result: 'ok' }],
  ['a malformed request', failed(400)],
  ['a request too large', failed(413)],
  ['an unknown model', failed(404)],
  ['a failure of the provider that may be this request’s', failed(500)],
  ['the limit of turns', { type: 'result', subtype: 'error_max_turns', is_error: true, errors: [] }],
  ['a prompt too long', failed(400, 'Prompt is too long', { terminal_reason: 'prompt_too_long' })],
])('%s: waiting does not help', (_, result) => {
  expect(troubleAfter([result])).toBeUndefined();
});

test('without a result there is nothing to judge', () => {
  expect(troubleAfter([retry(500)])).toBeUndefined();
});

test('the time: of the last pause, of the limit of a subscription, of a spend limit', () => {
  expect(troubleAfter([retry(500), retry(5_800), words('rate_limit'), failed(429)])?.retryAfterMs).toBe(5_800);
  expect(troubleAfter([limit('rejected', NOW_MS / 1000 + 7_200), words('rate_limit'), failed(429)])?.retryAfterMs).toBe(7_200_000);
  expect(troubleAfter([limit('rejected', NOW_MS / 1000 - 5), words('rate_limit'), failed(429)])?.retryAfterMs, 'it is over already').toBe(0);
  expect(troubleAfter([limit('allowed_warning', NOW_MS / 1000 + 7_200), retry(900), failed(429)])?.retryAfterMs).toBe(900);
  const spent = troubleAfter([words('unknown'), failed(400, 'API Error: 400 You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.')]);
  expect(spent).toMatchObject({ kind: 'spend', code: 'billing_error', retryAfterMs: Date.parse('2026-12-01T00:00:00Z') - NOW_MS });
});

test('a CLI that gave up at once was asked to wait longer than it waits; unless it may not repeat at all', () => {
  expect(troubleAfter([words('rate_limit'), failed(429)])?.retryAfterMs).toBe(60_000);
  expect(troubleAfter([words('rate_limit'), failed(429)], 0)).toEqual(expect.not.objectContaining({ retryAfterMs: expect.anything() }));
  expect(troubleAfter([failed(401)])?.retryAfterMs, 'says nothing about other failures').toBeUndefined();
});

test('signs from before an answer of the model do not count', () => {
  const answer = { type: 'assistant', message: { model: 'm', content: [{ type: 'text', text: 'hi' }] }, parent_tool_use_id: null };
  expect(troubleAfter([retry(9_000), answer, words('rate_limit'), failed(429)])?.retryAfterMs).toBe(60_000);
});
