// The id that a request has in the answer, in every log line and in every problem document.
import type { IncomingMessage } from 'node:http';
import { newId } from '@runyard/domain';

/** X-Request-Id of the client when it is sane (1 to 128 of letters, digits, `.`, `_`, `:`, `-`), else a new `req_…`. */
export function requestId(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : newId('request');
}
