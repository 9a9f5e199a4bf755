// The last step: write the outcome, free the session for its next run, compact the log.
import type { Outcome } from '@runyard/domain';
import type { Dispatch, FinishAnswer } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import { sendTicket } from './housekeeping.js';
import { untilAnswered } from './until-answered.js';
import type { WorkerParts } from './worker-parts.js';

/** Writes the outcome with the last events. A run whose lease was lost gets none: whoever claims it next decides. */
export async function settleRun(active: ActiveRun, outcome: Outcome, parts: WorkerParts): Promise<void> {
  if (active.lost.aborted) return giveBack(active, parts);
  active.settle();
  const { log, store } = parts;
  const runId = active.run.id;
  const lastFlush = await active.events.close();
  const answer = await untilAnswered(
    () => store.finish(active.lease, outcome, lastFlush),
    (error) => log.warn({ run_id: runId, err: error }, 'the outcome was not taken; sending it again'),
  );
  log.info({ run_id: runId, status: outcome.status, failure: outcome.failure?.code, answer: answer?.kind }, 'run finished');
  if (answer) count(answer, active, outcome, parts);
  if (answer?.kind !== 'finished') return;
  if (answer.next) await startNext(answer.next, parts);
  // Not awaited: the place is free now. Whatever goes wrong, the housekeeping of any worker does it later.
  store.compact(runId).catch((error: unknown) => log.warn({ run_id: runId, err: error }, 'the log was not compacted yet'));
}

/** `already`: our first write had arrived and its answer was lost, or a cancel ended the run with its lease; nobody else counts it. */
function count(answer: FinishAnswer, { run }: ActiveRun, outcome: Outcome, { metrics }: WorkerParts): void {
  if (answer.kind === 'lost') return metrics.staleWrite('finish');
  const status = answer.kind === 'already' ? answer.status : outcome.status;
  metrics.ended({ status, reason: status === 'failed' ? outcome.failure?.code : undefined, trigger: run.trigger, durationMs: outcome.duration_ms ?? undefined });
}

/** Its processes are gone, so nobody has to wait for the end of a lease that a late renewal may even have prolonged. */
async function giveBack({ lease }: ActiveRun, parts: WorkerParts): Promise<void> {
  const next = await untilAnswered(
    () => parts.store.requeue(lease, 'lease_lost'),
    (error) => parts.log.warn({ run_id: lease.runId, err: error }, 'the run was not given back; trying again'),
  );
  if (next) await startNext(next, parts);
}

async function startNext(next: Dispatch, parts: WorkerParts): Promise<void> {
  try {
    await sendTicket(parts, next);
  } catch (error) {
    parts.log.warn({ run_id: next.runId, err: error }, 'a dispatch has no ticket yet; housekeeping will send it');
  }
}
