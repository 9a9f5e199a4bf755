// A ticket or a run of a newer version than this worker: another worker may understand it, so it goes round again, a little later.
import type { Ticket } from '@runyard/run-queue';
import type { Dispatch } from '@runyard/run-store';
import { sendTicket } from './housekeeping.js';
import { untilAnswered } from './until-answered.js';
import type { WorkerParts } from './worker-parts.js';

const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 180_000;

/** Time for a newer worker to be the first. It grows, so that the rounds that a run has outlast an update of the workers. @param passes how often the run was passed on, from 1 */
export function delayOf(passes: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** (passes - 1), LONGEST_DELAY_MS);
}

/** The run gets a new dispatch, whose ticket keeps its version; the old ticket may then complete. A run that nobody understands ends as failed. */
export async function passOnTicket(ticket: Ticket, parts: Pick<WorkerParts, 'store' | 'queue' | 'log' | 'metrics'>): Promise<void> {
  const { store, queue, log, metrics } = parts;
  const runId = ticket.runId;
  const answer = await untilAnswered(
    () => store.passOn(runId, ticket.dispatch),
    (error) => log.warn({ run_id: runId, err: error }, 'the run was not passed on; trying again'),
  ).catch((error: unknown) => {
    log.error({ run_id: runId, err: error }, 'the run cannot be passed on: its ticket is dropped');
    return undefined;
  });
  if (answer?.kind === 'stale') metrics.staleTicket();
  if (answer?.kind === 'passed_on') {
    metrics.passedOn();
    log.warn({ run_id: runId, ticket_version: ticket.v, dispatch: answer.next.dispatch }, 'the run was made by a newer version: passed on to another worker');
    await send(answer.next, async () => {
      await queue.enqueue({ ...answer.next, v: ticket.v, delayMs: delayOf(answer.passes) });
      await store.dispatched(answer.next);
    });
  }
  if (answer?.kind === 'exhausted') {
    log.error({ run_id: runId, ticket_version: ticket.v }, 'no worker understands the run: it has failed. Update the workers');
    const run = await store.get(runId);
    if (run) metrics.ended({ status: 'failed', reason: 'internal', trigger: run.trigger, durationMs: undefined });
    const { next } = answer;
    if (next) await send(next, () => sendTicket(parts, next));
  }

  /** What fails here stays in the outbox and is sent from there, without the delay and as a ticket of this version. */
  async function send(dispatch: Dispatch, sending: () => Promise<void>): Promise<void> {
    await sending().catch((error: unknown) => log.warn({ run_id: dispatch.runId, err: error }, 'ticket not sent yet: it stays in the outbox'));
  }
}
