// Step 1: make the run of a ticket ours, or find that there is nothing to do.
import { isNewer } from '@runyard/run-queue';
import type { Ticket } from '@runyard/run-queue';
import type { ClaimAnswer, RunRecord } from '@runyard/run-store';
import { activateRun } from './activate-run.js';
import type { ActiveRun } from './active-runs.js';
import { untilAlone } from './claim-alone.js';
import { monotonicMs } from './monotonic-clock.js';
import { passOnTicket } from './pass-on-ticket.js';
import { untilAnswered } from './until-answered.js';
import { announcedCredential, leaveToOthers } from './upstream.js';
import type { WorkerParts } from './worker-parts.js';

/** The run with its lease being kept, or undefined when the ticket is out of date. */
export async function claimRun(ticket: Ticket, parts: WorkerParts): Promise<ActiveRun | undefined> {
  if (isNewer(ticket)) {
    await passOnTicket(ticket, parts);
    return undefined;
  }
  let claimedAtMs = monotonicMs();
  const claim = (): Promise<ClaimAnswer> => parts.store.claim({ runId: ticket.runId, dispatch: ticket.dispatch, workerId: parts.id, ...waitsForProvider(parts) });
  const ask = async (): Promise<ClaimAnswer | undefined> => {
    claimedAtMs = monotonicMs();
    return untilAnswered(claim, (error) => parts.log.warn({ run_id: ticket.runId, err: error }, 'the claim was not answered; asking again'));
  };
  // A ticket that failed here would keep its place in the queue's history, and the run would never get another one.
  const answer = await untilAlone(ticket, ask, parts).catch((error: unknown) => {
    parts.log.error({ run_id: ticket.runId, err: error }, 'the run cannot be claimed: its ticket is dropped');
    return undefined;
  });
  if (answer?.kind === 'stale') parts.metrics.staleTicket();
  if (answer?.kind === 'newer') await passOnTicket(ticket, parts);
  if (answer?.kind === 'elsewhere') await leaveToOthers(answer.next, parts);
  if (answer?.kind !== 'claimed') return undefined;
  const { run, previousAttempts } = answer;
  const active = activateRun(run, claimedAtMs, parts);
  parts.active.add(active);
  if (previousAttempts === 0) parts.metrics.claimed(waitMs(run));
  parts.log.info({ run_id: run.id, attempt: run.attempt }, 'run claimed');
  return active;
}

/** What the store has to know to let runs wait while their provider refuses them. */
function waitsForProvider(parts: WorkerParts): { readonly credential?: string; readonly giveUpAfterMs?: number } {
  const credential = announcedCredential(parts);
  return credential === undefined ? {} : { credential, giveUpAfterMs: parts.settings.upstreamWaitMs };
}

/** How long the run had to wait; a run with a time of its own waits from then on. */
function waitMs({ createdAt, runAt, startedAt }: RunRecord): number {
  const dueMs = Math.max(Date.parse(createdAt), runAt === null ? 0 : Date.parse(runAt));
  return startedAt === null ? 0 : Date.parse(startedAt) - dueMs;
}
