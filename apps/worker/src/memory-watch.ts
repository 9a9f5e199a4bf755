// Ends a run whose processes together use more memory than they may, before the kernel ends whatever it likes.
import { treeMemoryBytes } from '@runyard/claude';
import { size } from '@runyard/telemetry';
import type { ActiveRun, ActiveRuns } from './active-runs.js';

const EVERY_MS = 1000;

export interface MemoryWatchOptions {
  readonly active: { readonly ids: ActiveRuns['ids']; readonly get: (runId: string) => Pick<ActiveRun, 'mark' | 'orders'> | undefined };
  /** Of one run; 0 = no limit: nothing is watched. */
  readonly limitBytes: number;
  /** The processes could not be looked at; the next look comes all the same. */
  readonly onError: (error: unknown) => void;
}

/** Looks at every run once a second; the answer ends it. A short peak between two looks is not seen. */
export function watchMemory({ active, limitBytes, onError }: MemoryWatchOptions): () => void {
  if (limitBytes === 0) return () => undefined;
  let looking = false;
  const lookAtAll = async (): Promise<void> => {
    // One after the other: each look reads files of every process there is.
    for (const id of active.ids()) await lookAt(active.get(id), limitBytes);
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void lookAtAll()
      .catch(onError)
      .finally(() => (looking = false));
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

async function lookAt(run: Pick<ActiveRun, 'mark' | 'orders'> | undefined, limitBytes: number): Promise<void> {
  if (run === undefined || run.orders.current !== undefined) return;
  const bytes = await treeMemoryBytes(run.mark);
  if (bytes <= limitBytes) return;
  run.orders.order('out_of_memory', `The processes of the run used ${size(bytes)} of memory together; RUNYARD_RUN_MEMORY_MB allows ${size(limitBytes)}.`);
}
