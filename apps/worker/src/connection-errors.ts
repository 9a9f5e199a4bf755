// Connection errors for the log: the same one is told once in a while, not at every try to reconnect.
import { monotonicMs } from './monotonic-clock.js';

const AGAIN_AFTER_MS = 30_000;

/** A listener for connection errors that passes each message on at most once in 30 s. */
export function quietConnectionErrors(tell: (error: Error) => void): (error: Error) => void {
  const toldAtMs = new Map<string, number>();
  return (error) => {
    const last = toldAtMs.get(error.message);
    if (last !== undefined && monotonicMs() - last < AGAIN_AFTER_MS) return;
    if (toldAtMs.size > 100) toldAtMs.clear();
    toldAtMs.set(error.message, monotonicMs());
    tell(error);
  };
}
