// How long to wait before asking again.

export interface BackOff {
  readonly baseMs: number;
  readonly maxMs: number;
}

// Longer than this no server is believed: the user would think that we hang.
const MAX_RETRY_AFTER_MS = 120_000;

/**
 * Delay before retry number `failures` (1, 2, …) in milliseconds: doubled each time, bounded, and jittered to 50-100 %
 * so that many clients do not come back in the same moment.
 */
export function backOffMs({ baseMs, maxMs }: BackOff, failures: number, random: number = Math.random()): number {
  const full = Math.min(maxMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(full * (0.5 + random / 2));
}

/** The value of a Retry-After header (seconds or an HTTP date) in milliseconds from now, or undefined. At most 120 s. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, waitMs));
}

/** Waits; ends early, without an error, when `signal` is aborted. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal?.addEventListener('abort', done, { once: true });
  });
}
