// Create, list and look at runs.
import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CreateRun, ListRunsQuery } from '@runyard/domain';
import type { RunList } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContext } from '../api-context.js';
import { EventStreamer } from '../events/event-streamer.js';
import { entityTag, tagMatches } from '../http/etag.js';
import { waitSeconds } from '../http/prefer.js';
import { clientTrigger } from './client-trigger.js';
import { replyCreated, waitedRun, wantedReply } from './created-reply.js';
import { idempotencyKey } from './idempotency.js';
import { storeFilter } from './run-filter.js';
import { RunIdPipe, noSuchRun } from './run-id.param.js';
import { RunIntake } from './run-intake.js';
import { RunViews } from './run-views.js';
import * as docs from './runs.docs.js';

type RequestHeaders = FastifyRequest['headers'];

@ApiTags('runs')
@Controller('v1/runs')
export class RunsController {
  constructor(
    readonly store: RunStore,
    private readonly intake: RunIntake,
    readonly views: RunViews,
    readonly streamer: EventStreamer,
    readonly context: ApiContext,
  ) {}

  @Post()
  @docs.Create()
  async create(@Body({ schema: CreateRun }) request: CreateRun, @Headers() headers: RequestHeaders, @Res() reply: FastifyReply): Promise<void> {
    const wanted = wantedReply(headers);
    const taken = await this.intake.submit({
      request,
      trigger: clientTrigger(headers['x-runyard-client']),
      idempotencyKey: idempotencyKey(headers['idempotency-key']),
    });
    await replyCreated(taken, wanted, reply, this);
  }

  @Get()
  @docs.List()
  async list(@Query({ schema: ListRunsQuery }) query: ListRunsQuery): Promise<RunList> {
    const { limit, page, ...filter } = query;
    const { runs, nextPage } = await this.store.list({ ...storeFilter(filter), limit, page });
    return { data: await this.views.all(runs), next_page: nextPage };
  }

  @Get(':id')
  @docs.Show()
  async show(@Param('id', RunIdPipe) id: string, @Headers() headers: RequestHeaders, @Res() reply: FastifyReply): Promise<void> {
    const seconds = waitSeconds(headers.prefer);
    const run = await this.store.get(id);
    if (!run) throw noSuchRun();
    const body = JSON.stringify(await this.views.of(await waitedRun(run, seconds, reply, this)));
    const tag = entityTag(body);
    reply.header('etag', tag).header('cache-control', 'private, no-cache').header('vary', 'Authorization, Prefer');
    if (tagMatches(headers['if-none-match'], tag)) await reply.code(304).send();
    else await reply.type('application/json; charset=utf-8').send(body);
  }
}
