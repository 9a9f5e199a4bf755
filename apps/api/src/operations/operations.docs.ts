// What the OpenAPI document says about workers, status and health.
import { applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiSecurity } from '@nestjs/swagger';
import { Status, WorkerList } from '@runyard/domain';
import { operation, problems } from '../documents/describe.js';

const health = { 'application/json': { schema: { type: 'object' as const, properties: { status: { type: 'string' as const, enum: ['ok'] } }, required: ['status'] } } };
/** No key needed. */
const open = ApiSecurity({});

export const Workers = () =>
  applyDecorators(
    operation('listWorkers', 'List workers', 'Those that were heard of within the last hour.'),
    ApiOkResponse({ standardSchema: WorkerList, description: 'All workers on one page.' }),
    problems('unauthorized', 'redis_unavailable'),
  );

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
    operation('getReadiness', 'Can the process do its work?', 'Redis answers and is set up to keep runs, and the process is not shutting down. The log has the details.'),
    open,
    ApiOkResponse({ description: 'It can.', content: health }),
    problems('redis_unavailable', 'shutting_down'),
  );
