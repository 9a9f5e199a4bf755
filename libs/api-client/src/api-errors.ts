// What can go wrong between client and API: an answer that says no, or no answer.
import { Problem } from '@runyard/domain';
import type { FieldError } from '@runyard/domain';
import { retryAfterMs } from './back-off.js';

/** Code of an ApiProblem whose answer did not come from Runyard, such as the error page of a proxy. */
export const UNEXPECTED_ANSWER = 'unexpected_answer';

/** The API answered with an error. `code` is a word of docs/errors.md, or `unexpected_answer` when it was no problem document. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly requestId: string | undefined;
  /** How long the API asks to wait before trying again, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Pick<Problem, 'status' | 'code' | 'detail'> & Partial<Problem>, waitMs?: number) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id;
    this.retryAfterMs = waitMs;
  }
}

/** No answer came: nothing listens, the name is unknown, the connection was cut or it took too long. `reason` is a short text. */
export class ServerUnreachable extends Error {
  override readonly name = 'ServerUnreachable';
  readonly url: string;
  readonly reason: string;

  constructor(url: string, reason: string, options?: ErrorOptions) {
    super(`Cannot reach ${url}: ${reason}`, options);
    this.url = url;
    this.reason = reason;
  }
}

/** True when the same request may get another answer a moment later. */
export function isTransient(error: unknown): error is ApiProblem | ServerUnreachable {
  if (error instanceof ServerUnreachable) return true;
  return error instanceof ApiProblem && [408, 425, 429, 500, 502, 503, 504].includes(error.status);
}

/** Reads an answer that is not a success. Never throws: whatever came becomes an ApiProblem. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const waitMs = retryAfterMs(response.headers.get('retry-after'), Date.now());
  const requestId = response.headers.get('x-request-id');
  const body: unknown = await response.json().catch(() => undefined);
  const parsed = Problem.partial({ type: true, title: true, request_id: true, detail: true }).safeParse(body);
  if (parsed.success) {
    const { detail, title, ...problem } = parsed.data;
    return new ApiProblem({ ...defined(problem), status: response.status, code: problem.code, detail: detail ?? title ?? problem.code }, waitMs);
  }
  return new ApiProblem(
    {
      status: response.status,
      code: UNEXPECTED_ANSWER,
      detail: `${originOf(response.url)} answered ${response.status} but not as Runyard does.`,
      ...(requestId === null ? {} : { request_id: requestId }),
    },
    waitMs,
  );
}

/** The short text for a failed fetch: the system's code where there is one, else the message. */
export function reasonOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
    const text = code === undefined ? undefined : REASONS[code];
    if (text !== undefined) return text;
    if (code?.startsWith('E')) return code;
    if (!(cause.cause instanceof Error)) return cause.message;
  }
  return 'unknown error';
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'unknown host name',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ETIMEDOUT: 'no answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
};

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'The server';
}

function defined(problem: { request_id?: string | undefined; errors?: FieldError[] | undefined }): Partial<Problem> {
  return {
    ...(problem.request_id === undefined ? {} : { request_id: problem.request_id }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
}
