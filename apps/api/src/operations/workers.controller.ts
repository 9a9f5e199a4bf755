// Which workers there are, and which of them shall take no more runs.
import { Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ListWorkersQuery, ProblemError } from '@runyard/domain';
import type { Worker, WorkerList } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { WorkerRecord } from '@runyard/run-store';
import type { FastifyRequest } from 'fastify';
import { refuseBody } from '../http/refuse-body.js';
import * as docs from './operations.docs.js';

@ApiTags('operations')
@Controller('v1/workers')
export class WorkersController {
  constructor(private readonly store: RunStore) {}

  @Get()
  @docs.Workers()
  async list(@Query({ schema: ListWorkersQuery }) { limit, page = '' }: ListWorkersQuery): Promise<WorkerList> {
    // Any id may be where the page before ended: that worker may be forgotten by now.
    if (page !== '' && !/^wrk_\w+$/.test(page)) throw new ProblemError('invalid_parameter', undefined, [{ field: 'page', message: 'must be next_page of the page before' }]);
    const rest = (await this.store.workers()).filter(({ id }) => id > page);
    const data = rest.slice(0, limit).map(workerView);
    return { data, next_page: rest.length > limit ? (data.at(-1)?.id ?? null) : null };
  }

  @Post(':id/drain')
  @HttpCode(200)
  @docs.Drain()
  async drain(@Param('id') id: string, @Req() request: FastifyRequest): Promise<Worker> {
    refuseBody(request.body);
    const asked = await this.store.drainWorker(id);
    const worker = asked ? (await this.store.workers()).find((record) => record.id === id) : undefined;
    if (!worker) throw new ProblemError('not_found', 'There is no such worker.');
    return workerView(worker);
  }
}

function workerView(record: WorkerRecord): Worker {
  return {
    id: record.id,
    host: record.host,
    pid: record.pid,
    version: record.version,
    claude_version: record.claudeVersion,
    capacity: record.capacity,
    busy: record.busy,
    state: record.state,
    run_ids: [...record.runIds],
    started_at: record.startedAt,
    last_seen_at: record.lastSeenAt,
    labels: record.labels,
  };
}
