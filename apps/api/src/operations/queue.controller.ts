// The queue as a whole: what waits, and whether anything is taken.
import { Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { QueueState } from '@runyard/domain';
import type { FastifyRequest } from 'fastify';
import { refuseBody } from '../http/refuse-body.js';
import * as docs from './operations.docs.js';
import { QueueStates } from './queue-states.js';

@ApiTags('operations')
@Controller('v1/queue')
export class QueueController {
  constructor(private readonly queue: QueueStates) {}

  @Get()
  @docs.Queue()
  show(): Promise<QueueState> {
    return this.queue.now();
  }

  @Post('pause')
  @HttpCode(200)
  @docs.Pause()
  async pause(@Req() request: FastifyRequest): Promise<QueueState> {
    refuseBody(request.body);
    return this.queue.pause();
  }

  @Post('resume')
  @HttpCode(200)
  @docs.Resume()
  async resume(@Req() request: FastifyRequest): Promise<QueueState> {
    refuseBody(request.body);
    return this.queue.resume();
  }
}
