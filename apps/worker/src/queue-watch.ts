// Notices that this worker gets no tickets though there are some: a connection that waits for something that never comes.
import type { RunConsumer, RunQueue } from '@runyard/run-queue';
import type { RunStore } from '@runyard/run-store';
import { monotonicMs } from './monotonic-clock.js';

/** So many looks in a row must agree. */
const LOOKS = 6;
/** After a pause of this process or of Redis the count begins again: what takes tickets needs a moment, too. */
const PAUSE_LOOKS = 3;

export interface QueueWatchOptions {
  readonly store: { readonly queued: Pick<RunStore['queued'], 'backlog'> };
  readonly queue: Pick<RunQueue, 'depth' | 'isPaused'>;
  readonly consumer: Pick<RunConsumer, 'busy' | 'taken'>;
  readonly capacity: number;
  /** True while it takes none on purpose. */
  readonly resting: () => boolean;
  /** How long a run may wait while this worker has room and takes none. */
  readonly limitMs: number;
  /** Called once. */
  readonly onDeaf: () => void;
}

/** Starts watching; the answer ends it. A queue that cannot be asked is nothing that a restart would mend. */
export function watchQueue(options: QueueWatchOptions): () => void {
  let takenBefore = options.consumer.taken();
  let lookedAtMs = monotonicMs();
  let inVain = 0;
  let looking = false;
  const everyMs = options.limitMs / LOOKS;
  const look = async (): Promise<void> => {
    const waits = await waitsInVain(options).catch(() => false);
    const [taken, nowMs] = [options.consumer.taken(), monotonicMs()];
    const paused = nowMs - lookedAtMs > PAUSE_LOOKS * everyMs;
    inVain = waits && !paused && taken === takenBefore ? inVain + 1 : 0;
    [takenBefore, lookedAtMs] = [taken, nowMs];
    if (inVain < LOOKS) return;
    clearInterval(timer);
    options.onDeaf();
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** There is room here and a ticket in the queue, and somebody has waited for longer than the limit. */
async function waitsInVain({ store, queue, consumer, capacity, resting, limitMs }: QueueWatchOptions): Promise<boolean> {
  if (resting() || consumer.busy() >= capacity) return false;
  const [{ oldestWaitMs }, depth, isPaused] = await Promise.all([store.queued.backlog(), queue.depth(), queue.isPaused()]);
  return !isPaused && depth > 0 && (oldestWaitMs ?? 0) > limitMs;
}
