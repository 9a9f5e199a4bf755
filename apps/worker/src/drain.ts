// Leaving without losing anything: no more tickets, time for what runs, then another worker for what is left.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunConsumer } from '@runyard/run-queue';
import type { ActiveRuns } from './active-runs.js';
import { monotonicMs } from './monotonic-clock.js';
import type { WorkerParts } from './worker-parts.js';

/** How long stopping the left-over runs cleanly and handing them over may take before the process ends anyway. */
const SETTLE_MS = 20_000;
/** How long a tool that is at work may take to end before its run is given back all the same. */
const CLEAN_POINT_MS = 10_000;
/** How long no lease may be confirmed before what is left is left to others. */
const WITHOUT_LEASE_MS = 5000;
const LOOK_EVERY_MS = 250;

/** Returns when no run is left, or when ending them took too long. */
export async function drain(parts: WorkerParts, consumer: Pick<RunConsumer, 'pause' | 'close'>, hurry: AbortSignal): Promise<void> {
  const { drainTimeoutMs } = parts.settings;
  parts.log.info({ run_ids: parts.active.ids(), grace_ms: drainTimeoutMs }, 'draining: no more runs are taken');
  const idle = consumer
    .pause()
    .then(() => consumer.close({}))
    .then(() => 'idle' as const);
  const over = sleep(drainTimeoutMs, 'over' as const, { signal: hurry, ref: false }).catch(() => 'hurry' as const);
  const first = await Promise.race([idle, over, withoutLease(parts.active)]);
  if (first === 'idle') return;
  if (first === 'without lease') {
    parts.log.error({ run_ids: parts.active.ids() }, 'Redis is away and no lease is left: other workers find in the data directory what became of the runs');
    return;
  }
  parts.log.warn({ run_ids: parts.active.ids(), why: first }, 'handing over the runs that are left');
  parts.active.leaveAll(hurry.aborted ? 0 : CLEAN_POINT_MS);
  hurry.addEventListener('abort', () => parts.active.leaveAll(0), { once: true });
  const ended = await Promise.race([idle, sleep(SETTLE_MS, 'late' as const, { ref: false })]);
  if (ended === 'late') parts.log.error({ run_ids: parts.active.ids() }, 'runs could not be ended in order; the warden ends their processes');
}

/** Compose stops Redis before the workers when both are replaced: whoever waited for it here would wait for the whole grace. */
async function withoutLease(active: ActiveRuns): Promise<'without lease'> {
  for (let since = monotonicMs(); monotonicMs() - since < WITHOUT_LEASE_MS; ) {
    await sleep(LOOK_EVERY_MS, undefined, { ref: false });
    if (active.anyHeld(monotonicMs())) since = monotonicMs();
  }
  return 'without lease';
}
