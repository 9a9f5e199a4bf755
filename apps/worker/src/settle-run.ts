// The last step: write down how the attempt ended, free what it held, let the next one go on.
import type { Outcome } from '@runyard/domain';
import type { Dispatch, FinishAnswer, Flush } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import { crashPoint } from './crash-points.js';
import type { Ending } from './endings.js';
import { sendTicket } from './housekeeping.js';
import { forgetAttempts } from './session.js';
import { untilAnswered } from './until-answered.js';
import type { WorkerParts } from './worker-parts.js';

/** Writes the ending with the last events. A run whose lease was lost gets none: whoever claims it next decides. */
export async function settleRun(active: ActiveRun, ending: Ending, parts: WorkerParts): Promise<void> {
  if (active.lost.aborted || ending.kind === 'lost') return giveBack(active, parts);
  active.settle();
  const lastFlush = await active.events.close();
  switch (ending.kind) {
    case 'outcome':
      return finish(active, ending.outcome, lastFlush, parts);
    case 'park':
      return park(active, ending, lastFlush, parts);
    case 'hand_over':
      return handOver(active, ending, lastFlush, parts);
    case 'give_back':
      return next(await ask(active, parts, () => parts.store.requeue(active.lease, 'given_back')), active, 'run given back', parts);
    case 'raise_attempt':
      return next(await ask(active, parts, () => parts.store.raiseAttempt(active.lease, ending.atLeast)), active, 'run given back', parts);
  }
}

async function finish(active: ActiveRun, outcome: Outcome, lastFlush: Flush | undefined, parts: WorkerParts): Promise<void> {
  const { log, store } = parts;
  const runId = active.run.id;
  crashPoint('K7', runId, active.lease.attempt);
  const answer = await ask(active, parts, () => store.finish(active.lease, outcome, lastFlush));
  crashPoint('K8', runId, active.lease.attempt);
  log.info({ run_id: runId, status: outcome.status, failure: outcome.failure?.code, answer: answer?.kind }, 'run finished');
  if (answer) count(answer, active, outcome, parts);
  if (answer?.kind === 'finished' || answer?.kind === 'already') await forgetAttempts(active, parts);
  if (answer?.kind !== 'finished') return;
  if (answer.next) await startNext(answer.next, parts);
  // Not awaited: the place is free now. Whatever goes wrong, the housekeeping of any worker does it later.
  store.compact(runId).catch((error: unknown) => log.warn({ run_id: runId, err: error }, 'the log was not compacted yet'));
}

async function handOver(active: ActiveRun, { spent }: Extract<Ending, { kind: 'hand_over' }>, lastFlush: Flush | undefined, parts: WorkerParts): Promise<void> {
  const dispatch = await ask(active, parts, () => parts.store.handOver(active.lease, lastFlush, spent));
  // Also when it was canceled meanwhile: then the next run of its session has the dispatch, or there is none.
  if (dispatch === undefined && (await ask(active, parts, () => parts.store.get(active.run.id)))?.status !== 'canceled') parts.metrics.staleWrite('hand_over');
  return next(dispatch, active, 'run handed over', parts);
}

async function park(active: ActiveRun, { input }: Extract<Ending, { kind: 'park' }>, lastFlush: Flush | undefined, parts: WorkerParts): Promise<void> {
  const answer = await ask(active, parts, () => parts.store.park(active.lease, input, lastFlush));
  parts.log.info({ run_id: active.run.id, waiting_for: input.waitingFor, why: input.detail, answer: answer?.kind }, 'run waits');
  if (answer?.kind === 'lost') parts.metrics.staleWrite('park');
  if (answer?.kind === 'canceled') {
    parts.metrics.ended({ status: 'canceled', reason: undefined, trigger: active.run.trigger, durationMs: undefined });
    if (answer.next) await startNext(answer.next, parts);
  }
}

/** `already`: our first write had arrived and its answer was lost, or a cancel ended the run with its lease; nobody else counts it. */
function count(answer: FinishAnswer, { run }: ActiveRun, outcome: Outcome, { metrics }: WorkerParts): void {
  if (answer.kind === 'lost') return metrics.staleWrite('finish');
  const status = answer.kind === 'already' ? answer.status : outcome.status;
  metrics.ended({ status, reason: status === 'failed' ? outcome.failure?.code : undefined, trigger: run.trigger, durationMs: outcome.duration_ms ?? undefined });
}

/** Its processes are gone, so nobody has to wait for the end of a lease that a late renewal may even have prolonged. */
async function giveBack(active: ActiveRun, parts: WorkerParts): Promise<void> {
  active.events.stop();
  return next(await ask(active, parts, () => parts.store.requeue(active.lease, 'lease_lost')), active, 'run given back', parts);
}

async function next(dispatch: Dispatch | undefined, { run }: ActiveRun, what: string, parts: WorkerParts): Promise<void> {
  parts.log.info({ run_id: run.id, dispatch: dispatch?.dispatch }, what);
  if (dispatch) await startNext(dispatch, parts);
}

function ask<T>({ run }: ActiveRun, { log }: WorkerParts, question: () => Promise<T>): Promise<T | undefined> {
  return untilAnswered(question, (error) => log.warn({ run_id: run.id, err: error }, 'the end of the attempt was not taken; sending it again'));
}

async function startNext(dispatch: Dispatch, parts: WorkerParts): Promise<void> {
  try {
    await sendTicket(parts, dispatch);
  } catch (error) {
    parts.log.warn({ run_id: dispatch.runId, err: error }, 'a dispatch has no ticket yet; housekeeping will send it');
  }
}
