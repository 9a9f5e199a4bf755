// The events of a run: as they come (SSE), as a page (JSON), or as the CLI's own lines (NDJSON).
import { Controller, Get, Headers, Param, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { EventId, ListEventsQuery, ProblemError } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { preferredType } from '../http/accept.js';
import { noSuchRun, RunIdPipe } from '../runs/run-id.param.js';
import { eventListJson } from './event-bytes.js';
import { readEventPage } from './event-page.js';
import { EventStreamer } from './event-streamer.js';
import * as docs from './events.docs.js';

const FORMS = ['application/json', 'text/event-stream', 'application/x-ndjson'] as const;

@ApiTags('runs')
@Controller('v1/runs/:id/events')
export class EventsController {
  constructor(
    private readonly store: RunStore,
    private readonly streamer: EventStreamer,
  ) {}

  @Get()
  @docs.Events()
  async events(
    @Param('id', RunIdPipe) id: string,
    @Query({ schema: ListEventsQuery }) query: ListEventsQuery,
    @Headers() headers: FastifyRequest['headers'],
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const form = preferredType(headers.accept, FORMS);
    if (form === undefined) throw new ProblemError('not_acceptable');
    const wanted = { after: lastEventId(headers['last-event-id']) ?? query.after ?? query.page, deltas: query.deltas === '1' };
    reply.header('vary', 'Accept');
    if (form === 'application/json') {
      const page = await readEventPage(this.store, id, { ...wanted, limit: query.limit });
      if (!page) throw noSuchRun();
      await reply.type('application/json; charset=utf-8').send(eventListJson(id, page.events, page.nextPage));
    } else if (request.method === 'HEAD') {
      await reply.type(form).send();
    } else if (form === 'text/event-stream') {
      await this.streamer.streamEvents(id, wanted, reply);
    } else {
      await this.streamer.streamLines(id, wanted, reply);
    }
  }
}

/** An empty header is what some clients send before they have seen an event. @throws ProblemError invalid_parameter */
function lastEventId(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header === 'string' && EventId.safeParse(header).success) return header;
  throw new ProblemError('invalid_parameter', undefined, [{ field: 'Last-Event-ID', message: 'must be an event id such as 1-42' }]);
}
