// The answer of a run as plain text, also while it grows.
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { isTerminal } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiContext } from '../api-context.js';
import { noSuchRun, RunIdPipe } from '../runs/run-id.param.js';
import * as docs from './events.docs.js';
import { OpenStreams } from './open-streams.js';
import { messageText } from './message-text.js';

@ApiTags('runs')
@Controller('v1/runs/:id/output')
export class OutputController {
  constructor(
    private readonly store: RunStore,
    private readonly streams: OpenStreams,
    private readonly context: ApiContext,
  ) {}

  /**
   * A finished run with a result: that result. Otherwise what Claude says, message by message as each is complete, until the end.
   * Partial messages are left out: the CLI sends them again after a failed request, and text cannot be taken back.
   */
  @Get()
  @docs.Output()
  async output(@Param('id', RunIdPipe) id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const run = await this.store.get(id);
    if (!run) throw noSuchRun();
    const result = isTerminal(run.status) ? run.outcome?.result : null;
    if (typeof result === 'string' || request.method === 'HEAD') {
      await reply.type('text/plain; charset=utf-8').send(result ? `${result}\n` : '');
      return;
    }
    await this.#grow(id, reply);
  }

  async #grow(id: string, reply: FastifyReply): Promise<void> {
    const stream = this.streams.open(reply, 'text/plain; charset=utf-8');
    let separator = '';
    try {
      const signal = AbortSignal.any([stream.gone, this.context.closing]);
      for await (const event of this.store.follow(id, { signal, deltas: false })) {
        const text = messageText(event);
        if (text === undefined) continue;
        await stream.write(`${separator}${text}\n`);
        separator = '\n';
      }
    } catch (error) {
      this.context.logger.warn({ err: error, run_id: id }, 'output broken off');
      return stream.breakOff();
    }
    if (this.context.closing.aborted) stream.breakOff();
    else stream.end();
  }
}
