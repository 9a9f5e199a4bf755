// What the OpenAPI document says about workers, status and health.
import { applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiParam, ApiQuery, ApiSecurity } from '@nestjs/swagger';
import { QueueState, Status, Worker, WorkerList } from '@runyard/domain';
import type { ProblemCode } from '@runyard/domain';
import { operation, problems } from '../documents/describe.js';

const health = { 'application/json': { schema: { type: 'object' as const, properties: { status: { type: 'string' as const, enum: ['ok'] } }, required: ['status'] } } };
const checks = {
  type: 'object' as const,
  description: 'With `?verbose` and the key: redis, redis_memory, memory, disk, workers, claude.',
  additionalProperties: {
    type: 'object' as const,
    properties: { ok: { type: 'boolean' as const }, detail: { type: 'string' as const }, essential: { type: 'boolean' as const, description: 'false: worth knowing, but the process is ready all the same.' } },
    required: ['ok', 'detail'],
  },
};
const readiness = {
  'application/json': {
    schema: { type: 'object' as const, properties: { status: { type: 'string' as const, enum: ['ok', 'error'] }, checks }, required: ['status'] },
  },
};
/** No key needed. */
const open = ApiSecurity({});

export const Workers = () =>
  applyDecorators(
    operation('listWorkers', 'List workers', 'Those that were heard of within the last hour, ordered by id.'),
    ApiOkResponse({ standardSchema: WorkerList, description: 'A page of workers.' }),
    problems('invalid_parameter', 'unauthorized', 'redis_unavailable'),
  );

export const Drain = () =>
  applyDecorators(
    operation('drainWorker', 'Drain a worker', 'It finishes what it has, takes no more, and stays up as `draining` until its process is started again: a drain cannot be taken back. May be repeated.'),
    ApiParam({ name: 'id', description: 'Id of the worker, `wrk_…`.', schema: { type: 'string' } }),
    ApiOkResponse({ standardSchema: Worker, description: 'The worker.' }),
    problems('unauthorized', 'not_found', 'invalid_request', 'redis_unavailable'),
  );

const queueState = (...more: readonly ProblemCode[]) => applyDecorators(ApiOkResponse({ standardSchema: QueueState, description: 'The queue.' }), problems('unauthorized', ...more, 'redis_unavailable'));

export const Queue = () => applyDecorators(operation('getQueue', 'The queue'), queueState());

export const Pause = () =>
  applyDecorators(operation('pauseQueue', 'Pause the queue', 'Workers finish what they have and take nothing new. Runs can still be created. May be repeated.'), queueState('invalid_request'));

export const Resume = () => applyDecorators(operation('resumeQueue', 'Resume the queue', 'May be repeated.'), queueState('invalid_request'));

export const ServiceStatus = () =>
  applyDecorators(
    operation('getStatus', 'The state of the service'),
    ApiOkResponse({ standardSchema: Status, description: 'Counts and versions.' }),
    problems('unauthorized', 'redis_unavailable'),
  );

export const Live = () => applyDecorators(operation('getLiveness', 'Is the process alive?'), open, ApiOkResponse({ description: 'It is.', content: health }));

export const Health = () => applyDecorators(operation('getHealth', 'The same as /livez'), open, ApiOkResponse({ description: 'It is.', content: health }));

export const Ready = () =>
  applyDecorators(
    operation('getReadiness', 'Can the process do its work?', 'Redis answers and is set up to keep runs, and the process is not shutting down. Details of every check with `?verbose` and the key.'),
    open,
    ApiQuery({ name: 'verbose', required: false, allowEmptyValue: true, schema: { type: 'string' }, description: 'Tell every check; without the key it changes nothing.' }),
    ApiOkResponse({ description: 'It can.', content: readiness }),
    problems('redis_unavailable', 'shutting_down'),
  );
