// Requests that say everything in their path.
import { ProblemError } from '@runyard/domain';

/** Nothing, or an empty object, is fine. @throws ProblemError invalid_request */
export function refuseBody(body: unknown): void {
  if (body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0)) return;
  throw new ProblemError('invalid_request', undefined, [{ field: 'body', message: 'is not known here: send none' }]);
}
