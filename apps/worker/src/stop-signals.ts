// When this process is asked to end: first it drains, and whoever asks again later is in a hurry.
import type { EventEmitter } from 'node:events';
import { monotonicMs } from './monotonic-clock.js';

/** Both are aborted at most once, `drain` always first. */
export interface StopSignals {
  readonly drain: AbortSignal;
  readonly hurry: AbortSignal;
  /** This process itself wants to end: it drains. */
  leave(): void;
}

export interface StopSources {
  /** Emits SIGINT and SIGTERM: the process. */
  readonly signals: EventEmitter;
  /** Ends when the parent is gone; not given when the parent may end before us. */
  readonly parentPipe?: EventEmitter & { resume(): unknown };
  readonly nowMs?: () => number;
}

// One Ctrl-C may arrive several times: from the terminal, from npm, from the parent.
const SAME_REQUEST_MS = 1000;

/** Listens from now on, for ever. */
export function listenForStop(sources: StopSources): StopSignals {
  const now = sources.nowMs ?? monotonicMs;
  const drain = new AbortController();
  const hurry = new AbortController();
  let firstAtMs: number | undefined;
  const ask = (): void => {
    firstAtMs ??= now();
    if (!drain.signal.aborted) drain.abort();
    else if (now() - firstAtMs > SAME_REQUEST_MS) hurry.abort();
  };
  sources.signals.on('SIGINT', ask);
  sources.signals.on('SIGTERM', ask);
  // A pipe that closes says it once: it never hurries.
  sources.parentPipe?.once('end', () => drain.abort());
  sources.parentPipe?.once('error', () => drain.abort());
  sources.parentPipe?.resume();
  return { drain: drain.signal, hurry: hurry.signal, leave: () => drain.abort() };
}
