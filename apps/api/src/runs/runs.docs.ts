// What the OpenAPI document says about runs.
import { applyDecorators } from '@nestjs/common';
import { ApiCreatedResponse, ApiHeader, ApiOkResponse, ApiResponse } from '@nestjs/swagger';
import { Run, RunList } from '@runyard/domain';
import { operation, problems, runIdParameter } from '../documents/describe.js';
import { ANY_BODY, ANY_REQUEST } from '../http/guard-problems.js';

export const prefer = ApiHeader({
  name: 'Prefer',
  required: false,
  description: '`wait=N`, N up to 60: answer when the run is terminal or waiting, or after N seconds. The body is the same either way.',
  schema: { type: 'string' },
});
const applied = { 'Preference-Applied': { description: 'The wait that was granted.', schema: { type: 'string' as const } } };

/** Headers of an answer that names the run it made. */
export const created = (what: string) => ({
  Location: { description: `Path of the ${what}.`, schema: { type: 'string' as const } },
  'Idempotent-Replayed': { description: '`true` when the key was known: this is the run of the first request, as it is now.', schema: { type: 'string' as const } },
  ...applied,
});

export const Create = () =>
  applyDecorators(
    operation(
      'createRun',
      'Create a run',
      [
        'The run is kept when this answers. It starts as soon as a worker has room, or when the earlier run of its session is over.',
        'With `Accept: text/event-stream` the answer is the event stream of the new run at once. Leaving it does not cancel the run.',
      ].join('\n\n'),
    ),
    prefer,
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'A request that is repeated with the same key and body creates nothing new. Kept for at least 24 hours. A key whose run was deleted stays used: 422, never a second run.',
      schema: { type: 'string', maxLength: 255 },
    }),
    ApiHeader({ name: 'X-Runyard-Client', required: false, description: 'Becomes the trigger of the run. Default api.', schema: { type: 'string', enum: ['api', 'cli', 'ui'] } }),
    ApiCreatedResponse({ standardSchema: Run, description: 'The run.', headers: created('run') }),
    problems(...ANY_REQUEST, ...ANY_BODY, 'invalid_request', 'not_available', 'session_not_found', 'idempotency_key_reused', 'redis_full'),
  );

export const List = () =>
  applyDecorators(
    operation('listRuns', 'List runs', 'Newest first.'),
    ApiOkResponse({ standardSchema: RunList, description: 'A page of runs.' }),
    problems(...ANY_REQUEST, 'not_available'),
  );

export const Show = () =>
  applyDecorators(
    operation('getRun', 'Look at a run'),
    runIdParameter(),
    prefer,
    ApiHeader({ name: 'If-None-Match', required: false, description: 'ETag of an earlier answer.', schema: { type: 'string' } }),
    ApiOkResponse({ standardSchema: Run, description: 'The run.', headers: { ETag: { schema: { type: 'string' } }, ...applied } }),
    ApiResponse({ status: 304, description: 'The run has not changed.' }),
    problems(...ANY_REQUEST, 'not_found'),
  );
