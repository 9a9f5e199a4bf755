// What happens to all runs, live and without their output: for lists and dashboards.
import { Controller, Get, Headers, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { LifecycleQuery, ProblemError } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { LifecycleEvent, LifecycleReset } from '@runyard/run-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContext } from '../api-context.js';
import { preferredType } from '../http/accept.js';
import { eventJson, frame } from './event-bytes.js';
import * as docs from './lifecycle.docs.js';
import { OpenStreams } from './open-streams.js';

const RETRY = 'retry: 1000\n\n';
const RESET = '{"message":"Earlier events are not kept any more: read the runs again."}';

@ApiTags('operations')
@Controller('v1/events')
export class LifecycleController {
  constructor(
    private readonly store: RunStore,
    private readonly streams: OpenStreams,
    private readonly context: ApiContext,
  ) {}

  @Get()
  @docs.Lifecycle()
  async events(
    @Query({ schema: LifecycleQuery }) query: LifecycleQuery,
    @Headers() headers: FastifyRequest['headers'],
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (preferredType(headers.accept, ['text/event-stream']) === undefined) throw new ProblemError('not_acceptable');
    if (request.method === 'HEAD') return void (await reply.type('text/event-stream').send());
    const after = numberOf(headers['last-event-id']) ?? numberOf(query.after) ?? (await this.store.lifecycle.last());
    const stream = this.streams.openEventStream(reply);
    // With an id of its own, a client that is cut off before the first event misses nothing either.
    await stream.write(after < 0 ? RETRY : `retry: 1000\nid: ${after}\n\n`);
    const signal = AbortSignal.any([stream.gone, this.context.closing]);
    try {
      for await (const event of this.store.lifecycle.follow({ after, signal })) await stream.write(frameOf(event));
    } catch (error) {
      this.context.logger.warn({ err: error }, 'lifecycle stream broken off');
    }
    stream.end(RETRY);
  }
}

function frameOf(event: LifecycleEvent | LifecycleReset): Buffer {
  const id = String(event.number);
  return event.kind === 'reset' ? frame(id, 'reset', Buffer.from(RESET)) : frame(id, event.event.type, eventJson(event.runId, event.event));
}

/** −1 for an id that was never given out; undefined without one. */
function numberOf(id: string | readonly string[] | undefined): number | undefined {
  if (id === undefined || id === '') return undefined;
  return typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : -1;
}
