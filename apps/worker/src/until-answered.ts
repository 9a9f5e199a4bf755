// Asks the store again until it answers: an error says nothing about whether the question arrived.
import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_FIRST_MS = 50;
const PAUSE_LONGEST_MS = 2000;

/** The answer, or undefined when `signal` is aborted between two tries. `ask` must be safe to repeat. */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  onError: (error: unknown) => void,
  signal?: AbortSignal,
): Promise<T | undefined> {
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_LONGEST_MS)) {
    if (signal?.aborted) return undefined;
    try {
      return await ask();
    } catch (error) {
      onError(error);
      await sleep(pauseMs, undefined, signal ? { signal } : {}).catch(() => undefined);
    }
  }
}
