// Ctrl-C, SIGTERM and a closed terminal: the first stops, a later one hurries, a third kills.
import type { Signals } from '../context.js';

export interface StopSteps {
  readonly stop: () => void;
  readonly hurry: () => void;
  readonly kill: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
// npm passes on the Ctrl-C that the terminal has sent to us already.
const SAME_MS = 1_000;

/** Calls the next step at each signal; those within a second of the last one that counted are the same one. Returns what ends listening. */
export function onStopSignals(signals: Signals, steps: StopSteps, now: () => number = () => performance.now()): () => void {
  const order = [steps.stop, steps.hurry, steps.kill];
  let countedAt = -Infinity;
  const listener = (): void => {
    if (now() - countedAt < SAME_MS) return;
    countedAt = now();
    order.shift()?.();
  };
  for (const signal of SIGNALS) signals.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) signals.off(signal, listener);
  };
}
