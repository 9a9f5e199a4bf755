// What may be done to runs that exist: cancel, recover, move, retry, forget.
import { Body, Controller, Delete, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CancelRuns, CreateRun, isTerminal, MoveRun, ProblemError, RecoverRun, RetryRun } from '@runyard/domain';
import type { CancelCounts, Run, RunStatus, WaitingFor } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContext } from '../api-context.js';
import { EventStreamer } from '../events/event-streamer.js';
import { refuseBody } from '../http/refuse-body.js';
import { checked } from '../http/schema.pipe.js';
import { clientTrigger } from './client-trigger.js';
import { replyCreated, wantedReply } from './created-reply.js';
import { idempotencyKey } from './idempotency.js';
import * as docs from './run-actions.docs.js';
import { RunCanceler } from './run-canceler.js';
import { noSuchRun, RunIdPipe } from './run-id.param.js';
import { RunIntake } from './run-intake.js';
import { RunViews } from './run-views.js';
import { TicketSender } from './ticket-sender.js';

@ApiTags('runs')
@Controller('v1/runs')
export class RunActionsController {
  constructor(
    readonly store: RunStore,
    private readonly intake: RunIntake,
    private readonly tickets: TicketSender,
    private readonly canceler: RunCanceler,
    readonly views: RunViews,
    readonly streamer: EventStreamer,
    readonly context: ApiContext,
  ) {}

  @Post('cancel')
  @HttpCode(200)
  @docs.CancelMany()
  cancelMany(@Body({ schema: CancelRuns }) wanted: CancelRuns): Promise<CancelCounts> {
    return this.canceler.cancelAll(wanted);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @docs.Cancel()
  async cancel(@Param('id', RunIdPipe) id: string, @Req() request: FastifyRequest): Promise<Run> {
    refuseBody(request.body);
    const answer = await this.canceler.cancel(id);
    if (answer.kind === 'not_found') throw noSuchRun();
    return this.views.of(answer.run);
  }

  @Post(':id/recover')
  @HttpCode(200)
  @docs.Recover()
  async recover(@Param('id', RunIdPipe) id: string, @Body({ schema: RecoverRun }) { action }: RecoverRun): Promise<Run> {
    const answer = await this.store.recover(id, action);
    if (answer.kind === 'not_found') throw noSuchRun();
    if (answer.kind === 'not_waiting') throw new ProblemError('conflict', `The run ${stateOf(answer)}; only a run that waits for recovery can be decided on.`);
    if (action === 'abandon') this.context.runMetrics.ended({ status: 'failed', reason: 'worker_lost', trigger: answer.run.trigger, durationMs: undefined });
    if (answer.next) await this.tickets.send(answer.next);
    return this.views.of(answer.run);
  }

  @Post(':id/priority')
  @HttpCode(200)
  @docs.Move()
  async move(@Param('id', RunIdPipe) id: string, @Body({ schema: MoveRun }) { priority }: MoveRun): Promise<Run> {
    const answer = await this.store.queued.prioritize(id, priority);
    if (answer.kind === 'not_found') throw noSuchRun();
    if (answer.kind === 'not_queued') throw new ProblemError('conflict', `The run is ${answer.status}; only a queued run can be moved.`);
    if (answer.next) await this.tickets.send(answer.next);
    if (answer.old) await this.tickets.withdraw(answer.old);
    return this.views.of(answer.run);
  }

  @Post(':id/retry')
  @docs.Retry()
  async retry(@Param('id', RunIdPipe) id: string, @Req() { body, headers }: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    // Only a body that is not there says "nothing different"; `null` is refused as for creating a run.
    const overrides = checked(RetryRun, body === undefined ? {} : body, 'body');
    const key = idempotencyKey(headers['idempotency-key']);
    const wanted = wantedReply(headers);
    const before = await this.store.get(id);
    if (!before) throw noSuchRun();
    if (!isTerminal(before.status)) throw new ProblemError('conflict', `The run is ${before.status}: only a run that is over can be tried again.`);
    // The time it was to start is over; asked for again it would say nothing.
    const { run_at: _past, ...request } = before.request;
    const taken = await this.intake.submit({
      request: checked(CreateRun, { ...request, ...overrides }, 'body'),
      trigger: clientTrigger(headers['x-runyard-client']),
      idempotencyKey: key,
      retryOf: id,
    });
    await replyCreated(taken, wanted, reply, this);
  }

  @Delete(':id')
  @HttpCode(204)
  @docs.Forget()
  async forget(@Param('id', RunIdPipe) id: string, @Req() request: FastifyRequest): Promise<void> {
    refuseBody(request.body);
    const answer = await this.store.delete(id);
    if (answer === 'not_found') throw noSuchRun();
    if (answer === 'not_terminal') throw new ProblemError('conflict', 'The run is not over: cancel it first.');
  }
}

function stateOf({ status, waitingFor }: { readonly status: RunStatus; readonly waitingFor: WaitingFor | null }): string {
  return waitingFor === null ? `is ${status}` : `waits for ${waitingFor}`;
}
