// What a worker is made of; main.ts puts it together and hands it down.
import type { WorkerSettings } from '@runyard/config';
import type { RunQueue } from '@runyard/run-queue';
import type { RunStore } from '@runyard/run-store';
import type { Logger, RunMetrics } from '@runyard/telemetry';
import type { ActiveRuns } from './active-runs.js';
import type { ClaudeInstallation } from './claude-installation.js';
import type { DiskGuard } from './disk-guard.js';
import type { MachineGuard } from './machine-guard.js';
import type { ProviderRest } from './provider-rest.js';
import type { Warden } from './warden/warden.js';

export interface WorkerParts {
  /** `wrk_…`, new for each process. */
  readonly id: string;
  readonly settings: WorkerSettings;
  readonly log: Logger;
  readonly metrics: RunMetrics;
  readonly store: RunStore;
  readonly queue: RunQueue;
  readonly warden: Warden;
  readonly claude: ClaudeInstallation;
  readonly active: ActiveRuns;
  /** Whether there is room to start a run. */
  readonly disk: DiskGuard;
  /** Told of what this machine could not do for a run that was not begun. */
  readonly machine: MachineGuard;
  /** Whether the runs are left to other workers. */
  readonly provider: Pick<ProviderRest, 'look' | 'rest' | 'onTicket'>;
  /** The environment of the worker, from which the allow-list of a run is taken. */
  readonly hostEnvironment: Readonly<Record<string, string>>;
}
