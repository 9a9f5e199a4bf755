// The table of HTTP errors, rendered as RFC 9457 problem documents.
import { z } from 'zod';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly retryable: boolean;
  readonly hint: string;
}

/** Code → HTTP status, title, whether the same request may work later, and what to do. */
export const PROBLEM_KINDS = {
  malformed_json: { status: 400, title: 'The body is not JSON', retryable: false, hint: 'Send one JSON object with Content-Type: application/json.' },
  invalid_parameter: { status: 400, title: 'A query parameter or header cannot be read', retryable: false, hint: 'Correct the parameter that errors[] names.' },
  unauthorized: { status: 401, title: 'No valid API key', retryable: false, hint: 'Send Authorization: Bearer <key>.' },
  forbidden: { status: 403, title: 'Not allowed', retryable: false, hint: 'The Host or Origin is not in the allow-list (RUNYARD_ALLOWED_HOSTS), or the key lacks the scope.' },
  not_found: { status: 404, title: 'There is no such thing', retryable: false, hint: 'Check the path and the id.' },
  method_not_allowed: { status: 405, title: 'The path does not know this method', retryable: false, hint: 'See /docs for the methods of each path.' },
  not_acceptable: { status: 406, title: 'The answer is not to be had in that form', retryable: false, hint: 'Accept one of application/json, text/event-stream, application/x-ndjson where the path has them.' },
  conflict: { status: 409, title: 'The state does not allow this', retryable: false, hint: 'Look at the state of the run first.' },
  payload_too_large: { status: 413, title: 'Too large', retryable: false, hint: 'A prompt may have 4 MiB of UTF-8, a body 8 MiB.' },
  unsupported_media_type: { status: 415, title: 'The body has an unknown type', retryable: false, hint: 'Send JSON in UTF-8, with Content-Type: application/json and without Content-Encoding.' },
  invalid_request: { status: 422, title: 'The request breaks the schema', retryable: false, hint: 'Correct the fields that errors[] names.' },
  not_available: { status: 422, title: 'Not built yet', retryable: false, hint: 'Leave out the field that errors[] names; this version does not have it.' },
  session_not_found: { status: 422, title: 'No such session', retryable: false, hint: 'Use the session_id of an earlier run, or leave it out to start a new session.' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was used before', retryable: false, hint: 'Use a new key for a new request: this one belongs to another body, or to a run that was deleted.' },
  too_many_requests: { status: 429, title: 'Too many requests', retryable: true, hint: 'Wait as Retry-After says.' },
  internal: { status: 500, title: 'A defect of Runyard', retryable: true, hint: 'Report it with the request_id; the log has the details.' },
  redis_unavailable: { status: 503, title: 'Redis cannot be reached', retryable: true, hint: 'Wait as Retry-After says, then ask again; a POST that is repeated with its Idempotency-Key happens once.' },
  redis_full: { status: 503, title: 'Redis has no room for new runs', retryable: true, hint: 'Runs that exist go on, and room comes as they end. Ask again as Retry-After says; the operator raises maxmemory or deletes old runs.' },
  shutting_down: { status: 503, title: 'This process is shutting down', retryable: true, hint: 'Try again: another replica or the next start will answer.' },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEM_KINDS;

export const FieldError = z
  .object({
    field: z.string().describe('Path of the field, such as workspace.path; a header or query parameter by its name.'),
    message: z.string().describe('What is wrong and how to mend it.'),
  })
  .meta({ id: 'FieldError' });
export type FieldError = z.infer<typeof FieldError>;

export const Problem = z
  .object({
    type: z.string().describe('A URI reference that names the kind of problem.'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable word for programs.'),
    request_id: z.string(),
    errors: z.array(FieldError).optional(),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457).' });
export type Problem = z.infer<typeof Problem>;

/** An error that the API answers with; anything else thrown is a defect and answers 500. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[];

  constructor(code: ProblemCode, detail?: string, errors: readonly FieldError[] = []) {
    super(detail ?? PROBLEM_KINDS[code].title);
    this.name = 'ProblemError';
    this.code = code;
    this.errors = errors;
  }
}

/** The problem document of an error. */
export function problemDocument(error: ProblemError, requestId: string): Problem {
  const kind: ProblemKind = PROBLEM_KINDS[error.code];
  return {
    type: `/docs/errors#${error.code}`,
    title: kind.title,
    status: kind.status,
    detail: error.message === kind.title ? kind.hint : `${error.message} ${kind.hint}`,
    code: error.code,
    request_id: requestId,
    ...(error.errors.length > 0 ? { errors: [...error.errors] } : {}),
  };
}
