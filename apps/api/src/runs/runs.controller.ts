// Create, list, look at and cancel runs.
import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CreateRun, ListRunsQuery, ProblemError } from '@runyard/domain';
import type { Run, RunList } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContext } from '../api-context.js';
import { preferredType } from '../http/accept.js';
import { goneSignal } from '../http/gone-signal.js';
import { entityTag, tagMatches } from '../http/etag.js';
import { waitSeconds } from '../http/prefer.js';
import { clientTrigger } from './client-trigger.js';
import { idempotencyKey } from './idempotency.js';
import { RunIdPipe, noSuchRun } from './run-id.param.js';
import { RunIntake } from './run-intake.js';
import { runView } from './run-view.js';
import * as docs from './runs.docs.js';
import { settledRun } from './settled-run.js';
import { TicketSender } from './ticket-sender.js';

type RequestHeaders = FastifyRequest['headers'];

@ApiTags('runs')
@Controller('v1/runs')
export class RunsController {
  constructor(
    private readonly store: RunStore,
    private readonly intake: RunIntake,
    private readonly tickets: TicketSender,
    private readonly context: ApiContext,
  ) {}

  @Post()
  @docs.Create()
  async create(@Body({ schema: CreateRun }) request: CreateRun, @Headers() headers: RequestHeaders, @Res({ passthrough: true }) reply: FastifyReply): Promise<Run> {
    refuseStreamedAnswer(headers.accept);
    const seconds = waitSeconds(headers.prefer);
    const { run, replayed } = await this.intake.submit({
      request,
      trigger: clientTrigger(headers['x-runyard-client']),
      idempotencyKey: idempotencyKey(headers['idempotency-key']),
    });
    reply.header('location', `/v1/runs/${run.id}`);
    if (replayed) reply.header('idempotent-replayed', 'true');
    return runView(await this.#waited(run, seconds, reply));
  }

  @Get()
  @docs.List()
  async list(@Query({ schema: ListRunsQuery }) query: ListRunsQuery): Promise<RunList> {
    const { runs, nextPage } = await this.store.list({ limit: query.limit, page: query.page, status: query.status, sessionId: query.session_id });
    return { data: runs.map(runView), next_page: nextPage };
  }

  @Get(':id')
  @docs.Show()
  async show(@Param('id', RunIdPipe) id: string, @Headers() headers: RequestHeaders, @Res() reply: FastifyReply): Promise<void> {
    const seconds = waitSeconds(headers.prefer);
    const run = await this.store.get(id);
    if (!run) throw noSuchRun();
    const body = JSON.stringify(runView(await this.#waited(run, seconds, reply)));
    const tag = entityTag(body);
    reply.header('etag', tag).header('cache-control', 'private, no-cache').header('vary', 'Authorization, Prefer');
    if (tagMatches(headers['if-none-match'], tag)) await reply.code(304).send();
    else await reply.type('application/json; charset=utf-8').send(body);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @docs.Cancel()
  async cancel(@Param('id', RunIdPipe) id: string, @Req() request: FastifyRequest): Promise<Run> {
    refuseBody(request.body);
    const answer = await this.store.cancel(id);
    if (answer.kind === 'not_found') throw noSuchRun();
    if (answer.next) await this.tickets.send(answer.next);
    return runView(answer.run);
  }

  async #waited(run: RunRecord, seconds: number | undefined, reply: FastifyReply): Promise<RunRecord> {
    if (seconds === undefined) return run;
    reply.header('preference-applied', `wait=${seconds}`);
    const over = AbortSignal.timeout(seconds * 1000);
    return settledRun(this.store, run, AbortSignal.any([over, goneSignal(reply), this.context.closing]));
  }
}

/** The stream as the answer to a create comes later: until then nobody shall get JSON who can only read events. */
function refuseStreamedAnswer(accept: string | undefined): void {
  if (preferredType(accept, ['application/json', 'text/event-stream']) !== 'text/event-stream') return;
  const message = 'is not available here in this version: create the run with application/json, then follow urls.events';
  throw new ProblemError('not_available', undefined, [{ field: 'Accept', message }]);
}

function refuseBody(body: unknown): void {
  if (body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0)) return;
  throw new ProblemError('invalid_request', undefined, [{ field: 'body', message: 'is not known here: send none' }]);
}
