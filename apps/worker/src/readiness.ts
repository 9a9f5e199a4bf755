// Whether this worker can take runs: Redis, the CLI, room on the disk, its warden and directories, and that it is not leaving.
import type { RunStore } from '@runyard/run-store';
import type { ClaudeInstallation } from './claude-installation.js';
import { memoryCheck } from '@runyard/telemetry';
import type { HealthCheck } from '@runyard/telemetry';
import type { DiskGuard } from './disk-guard.js';
import type { HealthChecks } from './health-server.js';
import type { MachineGuard } from './machine-guard.js';

const ANSWER_MS = 2000;

export interface ReadinessParts {
  readonly store: Pick<RunStore, 'ping'>;
  readonly claude: Pick<ClaudeInstallation, 'check'>;
  readonly draining: () => boolean;
  readonly disk: Pick<DiskGuard, 'check'>;
  readonly machine: Pick<MachineGuard, 'check'>;
}

/** The checks of /readyz. */
export function readinessChecks({ store, claude, draining, disk, machine }: ReadinessParts): HealthChecks {
  const redis = redisCheck(store);
  return async () => {
    const [redisState, claudeState, diskState] = await Promise.all([redis(), claude.check(), disk.check()]);
    const leaving = draining();
    const drain = { ok: !leaving, detail: leaving ? 'the worker is stopping and takes no more runs' : 'the worker takes runs' };
    return { redis: redisState, claude: claudeState, disk: diskState, machine: machine.check(), memory: { ...memoryCheck(), essential: false }, drain };
  };
}

function redisCheck(store: Pick<RunStore, 'ping'>): () => Promise<HealthCheck> {
  // The connection waits for Redis: however often we are asked, only one question is under way.
  let asking: Promise<HealthCheck> | undefined;
  const ask = (): Promise<HealthCheck> =>
    store.ping().then(
      ({ latencyMs, version }) => ({ ok: true, detail: `Redis ${version} answered in ${latencyMs.toFixed(1)} ms` }),
      (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
    );
  return () => {
    asking ??= ask().finally(() => (asking = undefined));
    return Promise.race([asking, late()]);
  };
}

function late(): Promise<HealthCheck> {
  const { promise, resolve } = Promise.withResolvers<HealthCheck>();
  setTimeout(resolve, ANSWER_MS, { ok: false, detail: `Redis did not answer within ${ANSWER_MS} ms` }).unref();
  return promise;
}
