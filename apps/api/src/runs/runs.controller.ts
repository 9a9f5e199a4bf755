// Create, list and look at runs.
import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CreateRun, ListRunsQuery } from '@runyard/domain';
import type { RunList } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContext } from '../api-context.js';
import { EventStreamer } from '../events/event-streamer.js';
import { preferredType } from '../http/accept.js';
import { goneSignal } from '../http/gone-signal.js';
import { entityTag, tagMatches } from '../http/etag.js';
import { waitSeconds } from '../http/prefer.js';
import { clientTrigger } from './client-trigger.js';
import { idempotencyKey } from './idempotency.js';
import { storeFilter } from './run-filter.js';
import { RunIdPipe, noSuchRun } from './run-id.param.js';
import { RunIntake } from './run-intake.js';
import { RunViews } from './run-views.js';
import * as docs from './runs.docs.js';
import { settledRun } from './settled-run.js';

type RequestHeaders = FastifyRequest['headers'];

@ApiTags('runs')
@Controller('v1/runs')
export class RunsController {
  constructor(
    private readonly store: RunStore,
    private readonly intake: RunIntake,
    private readonly views: RunViews,
    private readonly streamer: EventStreamer,
    private readonly context: ApiContext,
  ) {}

  @Post()
  @docs.Create()
  async create(@Body({ schema: CreateRun }) request: CreateRun, @Headers() headers: RequestHeaders, @Res() reply: FastifyReply): Promise<void> {
    const form = preferredType(headers.accept, ['application/json', 'text/event-stream']);
    const seconds = waitSeconds(headers.prefer);
    const { run, replayed } = await this.intake.submit({
      request,
      trigger: clientTrigger(headers['x-runyard-client']),
      idempotencyKey: idempotencyKey(headers['idempotency-key']),
    });
    reply.code(201).header('location', `/v1/runs/${run.id}`).header('vary', 'Accept');
    if (replayed) reply.header('idempotent-replayed', 'true');
    if (form === 'text/event-stream') return this.streamer.streamEvents(run.id, { after: undefined, deltas: true }, reply);
    await sendJson(reply, await this.views.of(await this.#waited(run, seconds, reply)));
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
    const body = JSON.stringify(await this.views.of(await this.#waited(run, seconds, reply)));
    const tag = entityTag(body);
    reply.header('etag', tag).header('cache-control', 'private, no-cache').header('vary', 'Authorization, Prefer');
    if (tagMatches(headers['if-none-match'], tag)) await reply.code(304).send();
    else await reply.type('application/json; charset=utf-8').send(body);
  }

  async #waited(run: RunRecord, seconds: number | undefined, reply: FastifyReply): Promise<RunRecord> {
    if (seconds === undefined) return run;
    reply.header('preference-applied', `wait=${seconds}`);
    const over = AbortSignal.timeout(seconds * 1000);
    return settledRun(this.store, run, AbortSignal.any([over, goneSignal(reply), this.context.closing]));
  }
}

function sendJson(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
}
