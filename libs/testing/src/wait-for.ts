// Waits until something is so: tests poll for conditions, they never sleep for a while and hope.
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for; it stands in the error. */
  readonly what: string;
  /** Default 60 s: generous, because a slow machine is no failure. */
  readonly timeoutMs?: number;
}

type Falsy = false | 0 | '' | null | undefined;

/** Calls `condition` until it returns something truthy, and returns that. Throws when the time is over; an error of the condition is thrown at once. */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<Exclude<T, Falsy>> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 2; ; pauseMs = Math.min(50, pauseMs * 2)) {
    const value = await condition();
    if (value) return value as Exclude<T, Falsy>;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${options.what}`);
    await sleep(pauseMs);
  }
}
