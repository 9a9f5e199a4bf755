// The state of the whole service at a glance.
import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Status } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { WorkerRecord } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import * as docs from './operations.docs.js';
import { QueueStates } from './queue-states.js';

@ApiTags('operations')
@Controller('v1/status')
export class StatusController {
  constructor(
    private readonly store: RunStore,
    private readonly queue: QueueStates,
    private readonly context: ApiContext,
  ) {}

  @Get()
  @docs.ServiceStatus()
  async status(): Promise<Status> {
    const { store, context } = this;
    const [redis, installationId, replicas, workers, counts, queue, waitingFor, upstreams] = await Promise.all([
      store.ping(),
      store.installationId(),
      store.apiReplicas.list(),
      store.workers(),
      store.counts(),
      this.queue.now(),
      store.queued.waitingCounts(),
      store.upstream.list(),
    ]);
    // This process knows better than its last heartbeat, also before the first.
    const others = replicas.filter(({ id }) => id !== store.apiReplicas.ownId);
    return {
      object: 'status',
      version: context.version,
      installation_id: installationId,
      uptime_seconds: Math.round((performance.now() - context.startedAtMs) / 1000),
      api: { replicas: others.length + 1 },
      workers: workerCounts(workers),
      queue: { depth: queue.depth, oldest_wait_seconds: queue.oldest_wait_seconds, paused: queue.paused },
      runs: { queued: counts.queued, running: counts.running, waiting: counts.waiting },
      waiting_for: waitingFor,
      upstreams,
      viewers: others.reduce((sum, { viewers }) => sum + viewers, store.viewers()),
      redis: { version: redis.version, used_memory_bytes: redis.usedMemoryBytes, latency_ms: Math.round(redis.latencyMs * 1000) / 1000 },
      demo: context.demo,
    };
  }
}

function workerCounts(workers: readonly WorkerRecord[]): Status['workers'] {
  const count = (state: WorkerRecord['state']): number => workers.filter((worker) => worker.state === state).length;
  const capacity = workers.filter((worker) => worker.state === 'ready' || worker.state === 'busy').reduce((sum, worker) => sum + worker.capacity, 0);
  return { total: workers.length, ready: count('ready'), busy: count('busy'), draining: count('draining'), lost: count('lost'), capacity };
}
