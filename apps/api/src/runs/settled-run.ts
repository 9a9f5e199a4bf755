// Waits for a run to settle: what `Prefer: wait` asks for.
import { isSettled } from '@runyard/domain';
import { RedisUnavailableError } from '@runyard/run-store';
import type { RunRecord, RunStore } from '@runyard/run-store';

/**
 * The run once it is terminal or waiting, or as it is when `signal` aborts.
 * Without Redis the run as it was is returned: that it exists is worth more than an error.
 */
export async function settledRun(store: RunStore, run: RunRecord, signal: AbortSignal): Promise<RunRecord> {
  if (isSettled(run)) return run;
  try {
    // No event of the run has a greater id than the latest attempt with the latest seq, so this follows what is new.
    for await (const event of store.follow(run.id, { after: `${run.attempt}-${run.seq}`, signal, deltas: false })) {
      if (event.type === 'run.finished' || event.type === 'run.waiting') break;
    }
    return (await store.get(run.id)) ?? run;
  } catch (error) {
    if (error instanceof RedisUnavailableError) return run;
    throw error;
  }
}
