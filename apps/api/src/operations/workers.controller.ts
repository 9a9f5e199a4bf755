// Which workers there are.
import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
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
