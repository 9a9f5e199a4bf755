// How the service is, check by check: for operators, with what to do about it.
import { Injectable } from '@nestjs/common';
import { RunStore } from '@runyard/run-store';
import type { WorkerRecord } from '@runyard/run-store';
import { diskCheck, memoryCheck } from '@runyard/telemetry';
import type { HealthCheck } from '@runyard/telemetry';
import { ApiContext } from '../api-context.js';
import { RedisRoom } from './redis-room.js';
import { RedisSettings } from './redis-settings.js';

@Injectable()
export class HealthReport {
  constructor(
    private readonly store: RunStore,
    private readonly settings: RedisSettings,
    private readonly room: RedisRoom,
    private readonly context: ApiContext,
  ) {}

  /** Only Redis is essential: without workers runs are still taken in, and the other checks tell of trouble to come. */
  async checks(): Promise<Record<string, HealthCheck>> {
    const [redis, redisMemory, disk, workers] = await Promise.all([
      this.#redis().catch(unavailable),
      this.room.check().catch(unavailable),
      diskCheck(this.context.dataDir),
      this.store.workers().catch(() => undefined),
    ]);
    const further = { redis_memory: redisMemory, memory: memoryCheck(), disk, workers: workersCheck(workers), claude: claudeCheck(workers) };
    return { redis, ...Object.fromEntries(Object.entries(further).map(([name, check]) => [name, { ...check, essential: false }])) };
  }

  async #redis(): Promise<HealthCheck> {
    const { version, latencyMs } = await this.store.ping();
    const problems = await this.settings.check();
    return problems.length > 0 ? { ok: false, detail: problems.join(' ') } : { ok: true, detail: `Redis ${version} answered in ${latencyMs.toFixed(1)} ms` };
  }
}

function unavailable(error: unknown): HealthCheck {
  return { ok: false, detail: error instanceof Error ? error.message : String(error) };
}

const present = (workers: readonly WorkerRecord[]): WorkerRecord[] => workers.filter((worker) => worker.state !== 'lost');

function workersCheck(workers: readonly WorkerRecord[] | undefined): HealthCheck {
  if (workers === undefined) return { ok: false, detail: 'not known without Redis' };
  const taking = present(workers).filter((worker) => worker.state !== 'draining');
  const detail = `${taking.length} take runs, ${workers.length - present(workers).length} lost`;
  return taking.length > 0 ? { ok: true, detail } : { ok: false, detail: `${detail}: queued runs wait until a worker is started` };
}

function claudeCheck(workers: readonly WorkerRecord[] | undefined): HealthCheck {
  if (workers === undefined) return { ok: false, detail: 'not known without Redis' };
  const versions = [...new Set(present(workers).map((worker) => worker.claudeVersion ?? 'missing'))].toSorted();
  if (versions.length === 0) return { ok: false, detail: 'no worker tells its version' };
  if (versions.includes('missing')) return { ok: false, detail: 'a worker has no CLI: run npm install there or set RUNYARD_CLAUDE_BIN' };
  if (versions.length > 1) return { ok: false, detail: `workers have different versions of the CLI (${versions.join(', ')}): update those that are behind` };
  return { ok: true, detail: `claude ${versions[0]}` };
}
