// What a worker is busy with, as metrics.
import type { Metrics } from '@runyard/telemetry';
import type { ActiveRuns } from './active-runs.js';

export interface Work {
  readonly active: Pick<ActiveRuns, 'ids'>;
  /** Runs at a time. */
  readonly capacity: number;
  readonly draining: () => boolean;
}

/** Adds the gauges. A place on a worker that takes no more runs is not free. */
export function tellOfWork(metrics: Metrics, { active, capacity, draining }: Work): void {
  const busy = (): number => active.ids().length;
  metrics.gauge('runyard_runs_active', 'Runs that this worker is working on.', busy);
  metrics.gauges('runyard_worker_slots', 'Places for runs on this worker.', 'state', () => ({ busy: busy(), free: draining() ? 0 : Math.max(0, capacity - busy()) }));
}
