// Asks the store again until it answers: an error says nothing about whether the question arrived.
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisUnavailableError } from '@runyard/run-store';

const PAUSE_FIRST_MS = 50;
const PAUSE_LONGEST_MS = 2000;
/** In about ten seconds. What fails so often in the same way for no reason outside is a defect: it would fail for ever. */
const DEFECTS_AT_MOST = 10;

/**
 * The answer, or undefined when `signal` is aborted between two tries. `ask` must be safe to repeat. Redis and disks are waited for.
 * @throws any other error, when it came ten times in a row
 */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  onError: (error: unknown) => void,
  signal?: AbortSignal,
): Promise<T | undefined> {
  for (let pauseMs = PAUSE_FIRST_MS, defects = 0; ; pauseMs = Math.min(pauseMs * 2, PAUSE_LONGEST_MS)) {
    if (signal?.aborted) return undefined;
    try {
      return await ask();
    } catch (error) {
      defects = isOutside(error) ? 0 : defects + 1;
      if (defects >= DEFECTS_AT_MOST) throw error;
      onError(error);
      await sleep(pauseMs, undefined, signal ? { signal } : {}).catch(() => undefined);
    }
  }
}

/** Node gives errors of the operating system the name of the call that was refused. */
function isOutside(error: unknown): boolean {
  return error instanceof RedisUnavailableError || (error instanceof Error && 'syscall' in error);
}
