// What the OpenAPI document says about the events of all runs.
import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOkResponse } from '@nestjs/swagger';
import { operation, problems } from '../documents/describe.js';
import { ANY_REQUEST } from '../http/guard-problems.js';

export const Lifecycle = () =>
  applyDecorators(
    operation(
      'followAllRuns',
      'Follow what happens to all runs',
      [
        'Server-sent events `run.*` and `permission.*` of every run from now on, without output. The data is the event with its `run_id`; where it is longer than 4 KiB, its own `data` is `{"truncated":true,"status":…}`.',
        'The id of a frame counts the events of all runs. About the last 10,000 are kept: with `Last-Event-ID` or `after` the stream goes on behind that one.',
        'An id that is not kept, or never was, is answered with an event `reset`: read the runs again, the stream goes on live.',
      ].join('\n\n'),
    ),
    ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Id of the last frame that was seen. Wins over `after`.', schema: { type: 'string' } }),
    ApiOkResponse({ description: 'Events.', content: { 'text/event-stream': { schema: { type: 'string' as const } } } }),
    problems(...ANY_REQUEST, 'not_acceptable'),
  );
