// A claim that has to wait: workers were lost with a run, and to know whether it was that run it is to be alone on the next one.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ticket } from '@runyard/run-queue';
import type { ClaimAnswer } from '@runyard/run-store';
import type { WorkerParts } from './worker-parts.js';

/** More often than the store forgets that the run waits for this worker. */
const ASK_EVERY_MS = 2000;
/** Time for a worker with room to be the first. */
const DELAY_MS = 1000;

/**
 * Asks until the run and the others of this worker need not be kept apart any more, with its ticket and its place here kept; or leaves it
 * to a worker that has room, and answers undefined.
 */
export async function untilAlone(ticket: Ticket, ask: () => Promise<ClaimAnswer | undefined>, parts: Pick<WorkerParts, 'queue' | 'store' | 'log'>): Promise<Exclude<ClaimAnswer, { kind: 'not_alone' }> | undefined> {
  for (let asked = 0; ; asked += 1) {
    const answer = await ask();
    if (answer?.kind !== 'not_alone') return answer;
    if (asked === 0) parts.log.info({ run_id: ticket.runId, dispatch: answer.next?.dispatch }, 'the run is not claimed yet: it, or one that is here, has to be alone');
    if (answer.next !== null) await leaveToOthers(answer.next, parts);
    // Also after that: who gives runs on without a pause empties the queue faster than others work.
    await sleep(ASK_EVERY_MS);
    if (answer.next !== null) return undefined;
  }
}

async function leaveToOthers(next: NonNullable<Extract<ClaimAnswer, { kind: 'not_alone' }>['next']>, { queue, store, log }: Pick<WorkerParts, 'queue' | 'store' | 'log'>): Promise<void> {
  try {
    await queue.enqueue({ ...next, delayMs: DELAY_MS });
    await store.dispatched(next);
  } catch (error) {
    log.warn({ run_id: next.runId, err: error }, 'ticket not sent yet: it stays in the outbox');
  }
}
