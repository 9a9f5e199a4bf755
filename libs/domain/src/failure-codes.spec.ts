// The closed list of reasons why a run may fail.
import { expect, test } from 'vitest';
import { Failure, failure, FAILURE_KINDS, FailureCode } from './failure-codes.js';

// As the contract lists them: users write rules on these words.
const CONTRACT =
  'claude_not_found, workspace_failed, invalid_options, session_not_found, authentication_failed, billing_error, rate_limited, overloaded, api_error, connection_failed, model_not_found, invalid_request, prompt_too_long, max_output_tokens, refused, permission_unanswered, max_turns, max_budget, output_schema_unmet, no_output, stalled, not_exiting, timed_out, expired, out_of_memory, killed, exited, worker_lost, poisoned, disk_full, internal';

test('the list is that of the contract', () => {
  expect(Object.keys(FAILURE_KINDS).join(', ')).toBe(CONTRACT);
  expect(FailureCode.options).toEqual(CONTRACT.split(', '));
});

test.each(FailureCode.options)('%s says what to do', (code) => {
  const made = failure(code, 'It went wrong');
  expect(Failure.parse(made)).toEqual(made);
  expect(made).toEqual({ code, message: `It went wrong. ${FAILURE_KINDS[code].hint}`, retryable: FAILURE_KINDS[code].retryable });
  expect(FAILURE_KINDS[code].hint).toMatch(/[.]$/);
});

test('a message that is a sentence already gets no second full stop', () => {
  expect(failure('killed', 'Why?').message).toMatch(/^Why\? \w/);
  expect(failure('killed', 'Gone.').message).toMatch(/^Gone\. \w/);
});

test('the message of a failure gets no second hint', () => {
  const { message } = failure('killed', 'Gone.');
  expect(failure('killed', message)).toEqual(failure('killed', 'Gone.'));
});
