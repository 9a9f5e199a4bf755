// Waits for the end of a run, however long that takes and whatever happens to the server meanwhile.
import { isTransient } from '@runyard/api-client';
import type { ApiClient } from '@runyard/api-client';
import { isTerminal, LIMITS } from '@runyard/domain';
import type { Run } from '@runyard/domain';
import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 2_000;
// A server that is away for longer does not come back for us.
const GIVE_UP_MS = 5 * 60_000;

export interface UntilTerminalOptions {
  readonly signal: AbortSignal;
  /** By performance.now(). */
  readonly deadlineMs?: number | undefined;
  /** Called each time the run is seen waiting. */
  readonly onWaiting?: ((run: Run) => void) | undefined;
}

/**
 * The run as it ended, or as it is when `deadlineMs` (performance.now) is reached. A server that restarts is waited for.
 * @throws the reason of `signal`; ApiProblem; ServerUnreachable after five minutes without an answer
 */
export async function untilTerminal(client: ApiClient, run: Run, { signal, deadlineMs = Infinity, onWaiting }: UntilTerminalOptions): Promise<Run> {
  let latest = run;
  let answeredAt = performance.now();
  while (!isTerminal(latest.status) && performance.now() < deadlineMs) {
    if (latest.status === 'waiting') onWaiting?.(latest);
    const waitMs = Math.min(LIMITS.waitSeconds * 1000, deadlineMs - performance.now());
    try {
      const asked = performance.now();
      latest = await client.run(run.id, { wait: Math.ceil(waitMs / 1000), signal });
      answeredAt = performance.now();
      // A run that waits for somebody is answered at once; do not ask in a circle.
      if (!isTerminal(latest.status) && answeredAt - asked < PAUSE_MS) await sleep(Math.min(PAUSE_MS, waitMs), undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error) || performance.now() - answeredAt > GIVE_UP_MS) throw error;
      await sleep(Math.min(PAUSE_MS, waitMs), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
  return latest;
}
