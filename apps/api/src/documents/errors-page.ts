// docs/errors.md: every problem of the HTTP API and every reason why a run may fail.
import { FAILURE_KINDS, PROBLEM_KINDS } from '@runyard/domain';
import { GENERATED, row, table } from './markdown.js';

/** Markdown, from the tables in libs/domain. */
export function errorsPage(): string {
  const problems = Object.entries(PROBLEM_KINDS).map(([code, kind]) => row(`<a id="${code}"></a>\`${code}\``, kind.status, `${kind.title}.`, kind.retryable ? 'yes' : 'no', kind.hint));
  const failures = Object.entries(FAILURE_KINDS).map(([code, kind]) => row(`<a id="failure-${code}"></a>\`${code}\``, kind.retryable ? 'yes' : 'no', kind.hint));
  return [
    '# Errors',
    GENERATED,
    '## Problems of the HTTP API',
    [
      'Every error is an `application/problem+json` document (RFC 9457) with `type`, `title`, `status`, `detail`, `code`, `request_id`',
      'and, where fields are wrong, `errors: [{field, message}]`. Rules are best written on `code`.',
      'Retry: may the same request succeed later, unchanged? 429 and 503 carry `Retry-After`.',
    ].join('\n'),
    table(['code', 'status', 'meaning', 'retry', 'what to do'], problems),
    '## Failure codes of runs',
    [
      'A run whose `status` is `failed` has `failure: {code, message, retryable}`, and its `reason` is the code. The list is closed.',
      'Retry: may the same run succeed when it is created again, unchanged?',
    ].join('\n'),
    table(['code', 'retry', 'what to do'], failures),
  ].join('\n\n').concat('\n');
}
