// What the OpenAPI document says about what may be done to runs.
import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiCreatedResponse, ApiHeader, ApiNoContentResponse, ApiOkResponse } from '@nestjs/swagger';
import { CancelCounts, Run } from '@runyard/domain';
import { operation, problems, runIdParameter } from '../documents/describe.js';
import { ANY_BODY, ANY_REQUEST } from '../http/guard-problems.js';
import { created, prefer } from './runs.docs.js';

export const Cancel = () =>
  applyDecorators(
    operation('cancelRun', 'Cancel a run', 'May be repeated, in every state. A queued run is canceled at once, a running one within 8 seconds; see `cancel_requested_at`.'),
    runIdParameter(),
    ApiOkResponse({ standardSchema: Run, description: 'The run.' }),
    problems(...ANY_REQUEST, ...ANY_BODY, 'not_found', 'invalid_request'),
  );

export const CancelMany = () =>
  applyDecorators(
    operation('cancelRuns', 'Cancel many runs', 'Give either `ids` or `filter`: those of a list, or all that fit a filter, at most 10,000 for one request, see `more`. `{"filter":{}}` fits every run that is not over and cancels them all. May be repeated.'),
    ApiOkResponse({ standardSchema: CancelCounts, description: 'How many.' }),
    problems(...ANY_REQUEST, ...ANY_BODY, 'invalid_request', 'not_available'),
  );

export const Recover = () =>
  applyDecorators(
    operation(
      'recoverRun',
      'Decide on a run that waits for recovery',
      'Its worker was lost while something that changes things was under way, so nobody knows how that ended. `resume` goes on with the conversation and tells Claude to look first, `restart` begins again, `abandon` ends the run as failed.',
    ),
    runIdParameter(),
    ApiOkResponse({ standardSchema: Run, description: 'The run.' }),
    problems(...ANY_REQUEST, ...ANY_BODY, 'not_found', 'conflict', 'invalid_request'),
  );

export const Move = () =>
  applyDecorators(
    operation('moveRun', 'Move a queued run', 'Gives it another priority. A run that waits for a worker goes to the end of its new priority.'),
    runIdParameter(),
    ApiOkResponse({ standardSchema: Run, description: 'The run.' }),
    problems(...ANY_REQUEST, ...ANY_BODY, 'not_found', 'conflict', 'invalid_request'),
  );

export const Retry = () =>
  applyDecorators(
    operation('retryRun', 'Try a run again', 'Makes a new run with the request of one that is over. Fields of the body replace those of the request; `run_at` is never taken over. `Prefer: wait=N` and `Accept: text/event-stream` do what they do for creating a run.'),
    runIdParameter(),
    prefer,
    ApiHeader({ name: 'Idempotency-Key', required: false, description: 'As for creating a run.', schema: { type: 'string', maxLength: 255 } }),
    ApiBody({ required: false, schema: { $ref: '#/components/schemas/RetryRun' } }),
    ApiCreatedResponse({ standardSchema: Run, description: 'The new run.', headers: created('new run') }),
    problems(...ANY_REQUEST, ...ANY_BODY, 'not_found', 'conflict', 'invalid_request', 'not_available', 'session_not_found', 'idempotency_key_reused', 'redis_full'),
  );

export const Forget = () =>
  applyDecorators(
    operation('deleteRun', 'Forget a run', 'With its events and its files. Only a run that is over. Its Idempotency-Key stays used.'),
    runIdParameter(),
    ApiNoContentResponse({ description: 'It is forgotten.' }),
    problems(...ANY_REQUEST, ...ANY_BODY, 'not_found', 'conflict', 'invalid_request'),
  );
