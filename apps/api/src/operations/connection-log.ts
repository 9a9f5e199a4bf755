// Connection errors of Redis come several times a second while it is away: one line a minute is enough.
import type { Logger } from 'pino';

const QUIET_MS = 60_000;

/** A listener for connection errors that logs the first one, and the same text again only after a minute. */
export function connectionLog(logger: Logger): (error: Error) => void {
  let last = { text: '', atMs: 0 };
  return (error) => {
    const text = error.message || ('code' in error ? String(error.code) : error.name);
    const nowMs = performance.now();
    if (text === last.text && nowMs - last.atMs < QUIET_MS) return;
    last = { text, atMs: nowMs };
    logger.warn({ reason: text }, 'Redis cannot be reached: trying again');
  };
}
