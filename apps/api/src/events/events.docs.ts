// What the OpenAPI document says about events and output.
import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiResponse } from '@nestjs/swagger';
import { operation, problems, runIdParameter } from '../documents/describe.js';
import { ANY_REQUEST } from '../http/guard-problems.js';

const text = { schema: { type: 'string' as const } };

export const Events = () =>
  applyDecorators(
    operation(
      'listRunEvents',
      'Read or follow the events of a run',
      [
        'By `Accept`: `application/json` (default) is a page of what there is.',
        '`text/event-stream` is everything so far, then live: frames with `id`, `event` and the event as `data`, a comment every 15 seconds, closed after `run.finished`; a reconnect past the end gets 204.',
        '`application/x-ndjson` is only the own lines of the CLI, unchanged, live until the end.',
        'Reading may begin after any event id. Ids are ordered, but not dense: finished logs leave out `claude.stream_event`.',
        'The types are in docs/events.md. If history was lost, the stream has one event `reset` with the run as its data.',
      ].join('\n\n'),
    ),
    runIdParameter(),
    ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Id of the last event that was seen. Wins over `after`.', schema: { type: 'string' } }),
    ApiOkResponse({
      description: 'Events.',
      content: {
        'application/json': { schema: { $ref: '#/components/schemas/EventList' } },
        'text/event-stream': text,
        'application/x-ndjson': text,
      },
    }),
    ApiResponse({ status: 204, description: 'A stream was asked for after the last event of a run that is over.' }),
    problems(...ANY_REQUEST, 'not_found', 'not_acceptable'),
  );

export const Output = () =>
  applyDecorators(
    operation(
      'getRunOutput',
      'Read the answer as plain text',
      'Of a finished run: its result. Otherwise what Claude says, message by message as each is complete, until the run ends.',
    ),
    runIdParameter(),
    ApiOkResponse({ description: 'Text in UTF-8.', content: { 'text/plain': text } }),
    problems(...ANY_REQUEST, 'not_found'),
  );
