// Whatever was thrown → the one kind of error that clients see.
import { HttpException } from '@nestjs/common';
import { ProblemError } from '@runyard/domain';
import type { ProblemCode } from '@runyard/domain';
import { QueueUnavailableError } from '@runyard/run-queue';
import { InvalidPageError, RedisUnavailableError } from '@runyard/run-store';

const CODE_OF_STATUS: Readonly<Record<number, ProblemCode>> = {
  400: 'malformed_json',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  409: 'conflict',
  413: 'payload_too_large',
  414: 'not_found',
  415: 'unsupported_media_type',
  422: 'invalid_request',
  429: 'too_many_requests',
  503: 'shutting_down',
};

/** Never carries text of the thrown error unless it was written for clients; an unknown one becomes `internal`. */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof RedisUnavailableError || error instanceof QueueUnavailableError) return new ProblemError('redis_unavailable');
  if (error instanceof InvalidPageError) {
    return new ProblemError('invalid_parameter', undefined, [{ field: 'page', message: 'must be next_page of an earlier answer' }]);
  }
  const code = fastifyCodeOf(error);
  if (code === 'FST_ERR_BAD_URL') return new ProblemError('invalid_parameter', undefined, [{ field: 'path', message: 'has a broken percent escape: encode it again' }]);
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') return new ProblemError('malformed_json', 'The body is empty.');
  const status = statusOf(error);
  return new ProblemError((status !== undefined && CODE_OF_STATUS[status]) || 'internal');
}

/** Nest wraps errors of Fastify; the code of the original says more than its status. */
function fastifyCodeOf(error: unknown): string | undefined {
  const original = error instanceof HttpException ? error.cause : error;
  return original instanceof Error && 'code' in original && typeof original.code === 'string' ? original.code : undefined;
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
