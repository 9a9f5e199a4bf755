// What the OpenAPI document says about schedules.
import { applyDecorators } from '@nestjs/common';
import { ApiCreatedResponse, ApiHeader, ApiNoContentResponse, ApiOkResponse, ApiParam } from '@nestjs/swagger';
import { Run, Schedule, ScheduleList, SlotList } from '@runyard/domain';
import { operation, problems } from '../documents/describe.js';

const idParameter = () => ApiParam({ name: 'id', description: 'Id of the schedule: `sch_` and a name of a-z, 0-9, `_` and `-` that you choose.', schema: { type: 'string' } });
const location = (what: string) => ({ Location: { description: `Path of the ${what}.`, schema: { type: 'string' as const } } });

export const List = () =>
  applyDecorators(
    operation('listSchedules', 'List schedules', 'Ordered by id.'),
    ApiOkResponse({ standardSchema: ScheduleList, description: 'A page of schedules.' }),
    problems('invalid_parameter', 'unauthorized', 'redis_unavailable'),
  );

export const Put = () =>
  applyDecorators(
    operation('putSchedule', 'Make or change a schedule', 'The body is the schedule as it shall be; a field that is left out has its default, but a paused schedule stays paused until `enabled` is true. Each due time makes one run, however many API processes there are.'),
    idParameter(),
    ApiOkResponse({ standardSchema: Schedule, description: 'The schedule was changed; with `dry_run=true` it was not: this is how it would be.' }),
    ApiCreatedResponse({ standardSchema: Schedule, description: 'The schedule was made.', headers: location('schedule') }),
    problems('invalid_parameter', 'malformed_json', 'unauthorized', 'conflict', 'payload_too_large', 'unsupported_media_type', 'invalid_request', 'session_not_found', 'redis_unavailable'),
  );

export const Show = () =>
  applyDecorators(
    operation('getSchedule', 'Look at a schedule'),
    idParameter(),
    ApiOkResponse({ standardSchema: Schedule, description: 'The schedule.' }),
    problems('unauthorized', 'not_found', 'redis_unavailable'),
  );

export const Delete = () =>
  applyDecorators(
    operation('deleteSchedule', 'Forget a schedule', 'Its runs stay, also those that are not over.'),
    idParameter(),
    ApiNoContentResponse({ description: 'It is gone.' }),
    problems('unauthorized', 'not_found', 'invalid_request', 'redis_unavailable'),
  );

export const RunNow = () =>
  applyDecorators(
    operation('runSchedule', 'Make a run of a schedule now', 'It waits for no earlier run and counts as no due time. Also while the schedule is paused.'),
    idParameter(),
    ApiHeader({ name: 'Idempotency-Key', required: false, description: 'A request that is repeated with the same key makes no second run.', schema: { type: 'string', maxLength: 255 } }),
    ApiCreatedResponse({ standardSchema: Run, description: 'The run.', headers: location('run') }),
    problems('invalid_parameter', 'unauthorized', 'not_found', 'conflict', 'invalid_request', 'session_not_found', 'idempotency_key_reused', 'redis_unavailable', 'redis_full'),
  );

export const Slots = () =>
  applyDecorators(
    operation('listSlots', 'What happened at the due times of a schedule', 'The latest first. The latest 1000 are kept, until 30 days after the last.'),
    idParameter(),
    ApiOkResponse({ standardSchema: SlotList, description: 'A page of slots.' }),
    problems('invalid_parameter', 'unauthorized', 'not_found', 'redis_unavailable'),
  );
