// The table of HTTP errors and the documents made from it.
import { expect, test } from 'vitest';
import { Problem, PROBLEM_KINDS, problemDocument, ProblemError } from './problems.js';
import type { ProblemCode } from './problems.js';

const CODES = Object.keys(PROBLEM_KINDS) as ProblemCode[];

test.each(CODES)('%s becomes a document that fits its schema and says what to do', (code) => {
  const document = problemDocument(new ProblemError(code), 'req_1');
  expect(Problem.parse(document)).toEqual(document);
  expect(document).toMatchObject({ code, status: PROBLEM_KINDS[code].status, request_id: 'req_1', type: `/docs/errors#${code}` });
  expect(document.detail).toBe(PROBLEM_KINDS[code].hint);
  expect(document).not.toHaveProperty('errors');
});

test.each(CODES)('%s has an error status, a title and a hint, and is retryable only where waiting can help', (code) => {
  const kind = PROBLEM_KINDS[code];
  expect(kind.status).toBeGreaterThanOrEqual(400);
  expect(kind.status).toBeLessThan(600);
  expect(kind.title).not.toBe('');
  expect(kind.hint).toMatch(/[.]$/);
  expect(kind.retryable).toBe(kind.status === 429 || kind.status >= 500);
});

test('the statuses of the contract', () => {
  const statuses = (status: number): string[] => CODES.filter((code) => PROBLEM_KINDS[code].status === status);
  expect(statuses(400)).toEqual(['malformed_json', 'invalid_parameter']);
  expect(statuses(422)).toEqual(['invalid_request', 'not_available', 'session_not_found', 'idempotency_key_reused']);
  expect(statuses(413)).toEqual(['payload_too_large']);
  expect(statuses(503)).toEqual(['redis_unavailable', 'redis_full', 'shutting_down']);
});

test('own detail comes before the hint, and the fields that are wrong are listed', () => {
  const errors = [{ field: 'workspace.path', message: 'must be an absolute path' }];
  const document = problemDocument(new ProblemError('invalid_request', 'This cannot work.', errors), 'r');
  expect(document.detail).toBe(`This cannot work. ${PROBLEM_KINDS.invalid_request.hint}`);
  expect(document.errors).toEqual(errors);
});

test('nothing of the thrown error but its message reaches the document', () => {
  const error = new ProblemError('internal', 'It broke.');
  expect(JSON.stringify(problemDocument(error, 'r'))).not.toContain('.spec.ts');
});
