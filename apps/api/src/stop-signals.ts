// When a process is told to end: signals, and the pipe to its parent.

export interface Stop {
  /** Also stop when standard input closes, because the parent is gone then. */
  readonly withParent: boolean;
  /** Called once. */
  readonly stop: (reason: string) => Promise<void>;
  /** Called when a signal comes again, more than a second after the first: somebody does not want to wait. */
  readonly hurry: () => void;
}

const SAME_SIGNAL_MS = 1_000;

/** Installs the handlers; ending the process is up to `stop`. */
export function onStop({ withParent, stop, hurry }: Stop): void {
  let firstAtMs: number | undefined;
  const tell = (reason: string): void => {
    const nowMs = performance.now();
    if (firstAtMs !== undefined) {
      // A Ctrl-C reaches the whole group, and the parent passes it on as well: both mean one.
      if (nowMs - firstAtMs > SAME_SIGNAL_MS) hurry();
      return;
    }
    firstAtMs = nowMs;
    void stop(reason);
  };
  process.on('SIGTERM', () => tell('SIGTERM'));
  process.on('SIGINT', () => tell('SIGINT'));
  if (!withParent) return;
  process.stdin.resume();
  process.stdin.once('close', () => tell('the parent is gone'));
}
