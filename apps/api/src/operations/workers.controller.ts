// Which workers there are, and which of them shall take no more runs.
import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ProblemError } from '@runyard/domain';
import type { Worker, WorkerList } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { WorkerRecord } from '@runyard/run-store';
import * as docs from './operations.docs.js';

@ApiTags('operations')
@Controller('v1/workers')
export class WorkersController {
  constructor(private readonly store: RunStore) {}

  @Get()
  @docs.Workers()
  async list(): Promise<WorkerList> {
    return { data: (await this.store.workers()).map(workerView), next_page: null };
  }

  @Post(':id/drain')
  @HttpCode(200)
  @docs.Drain()
  async drain(@Param('id') id: string): Promise<Worker> {
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
