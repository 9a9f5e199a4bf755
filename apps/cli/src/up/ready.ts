// Waits until the parts of the stack say that they are ready.
import { setTimeout as sleep } from 'node:timers/promises';

export interface Readiness {
  readonly ready: boolean;
  /** What is not ready, in the words of the part itself. */
  readonly problems: readonly string[];
}

// Soon at first, because most starts take a second; rarely later, because each question is a line in a log.
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const ANSWER_MS = 5_000;

/** Asks /readyz of `url` until it is ready, `waitMs` are over or `signal` is aborted. Never rejects. */
export async function untilReady(url: string, { waitMs, signal }: { waitMs: number; signal: AbortSignal }): Promise<Readiness> {
  const deadline = performance.now() + waitMs;
  let latest: Readiness = { ready: false, problems: ['it does not answer'] };
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted && performance.now() < deadline; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.5)) {
    latest = await ask(`${url}/readyz`, signal);
    if (latest.ready) return latest;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
  return latest;
}

async function ask(url: string, signal: AbortSignal): Promise<Readiness> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) });
    const body = (await response.json().catch(() => undefined)) as { checks?: Record<string, { ok?: boolean; detail?: string }>; title?: string } | undefined;
    if (response.ok) return { ready: true, problems: [] };
    const failing = Object.values(body?.checks ?? {}).filter((check) => check.ok === false);
    const problems = failing.length > 0 ? failing.map((check) => check.detail ?? 'not ready') : [body?.title ?? `it answers ${response.status}`];
    return { ready: false, problems };
  } catch {
    return { ready: false, problems: ['it does not answer'] };
  }
}
