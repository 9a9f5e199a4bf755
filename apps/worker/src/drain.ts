// Leaving without losing anything: no more tickets, time for what runs, then an end for what is left.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunConsumer } from '@runyard/run-queue';
import type { WorkerParts } from './worker-parts.js';

/** How long ending the left-over runs and writing their outcomes may take before the process ends anyway. */
const SETTLE_MS = 20_000;

/** Returns when no run is left, or when ending them took too long. */
export async function drain(parts: WorkerParts, consumer: Pick<RunConsumer, 'pause' | 'close'>, hurry: AbortSignal): Promise<void> {
  const { drainTimeoutMs } = parts.settings;
  parts.log.info({ run_ids: parts.active.ids(), grace_ms: drainTimeoutMs }, 'draining: no more runs are taken');
  const idle = consumer
    .pause()
    .then(() => consumer.close({}))
    .then(() => 'idle' as const);
  const over = sleep(drainTimeoutMs, 'over' as const, { signal: hurry, ref: false }).catch(() => 'hurry' as const);
  const first = await Promise.race([idle, over]);
  if (first === 'idle') return;
  const why = first === 'hurry' ? 'asked to stop at once' : `stopped, and the run had not ended within ${drainTimeoutMs / 1000} s`;
  parts.log.warn({ run_ids: parts.active.ids() }, 'ending the runs that are left');
  parts.active.stopAll('worker_lost', `The worker was ${why}.`);
  const ended = await Promise.race([idle, sleep(SETTLE_MS, 'late' as const, { ref: false })]);
  if (ended === 'late') parts.log.error({ run_ids: parts.active.ids() }, 'runs could not be ended in order; the warden ends their processes');
}
