// The last step: write down how the attempt ended, free what it held, let the next one go on.
import { failure } from '@runyard/domain';
import type { Outcome } from '@runyard/domain';
import type { Dispatch, FinishAnswer, Flush } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import { crashPoint } from './crash-points.js';
import type { Ending } from './endings.js';
import { sendTicket } from './housekeeping.js';
import { failedOutcome } from './outcomes.js';
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
  const answer = await ask(active, parts, () => store.finish(active.lease, outcome, lastFlush)).catch((error: unknown) => finishBare(error, active, outcome, parts));
  crashPoint('K8', runId, active.lease.attempt);
  log.info({ run_id: runId, status: outcome.status, failure: outcome.failure?.code, answer: answer?.kind }, 'run finished');
  if (answer) count(answer, active, outcome, parts);
  if (answer?.kind === 'finished' || answer?.kind === 'already') await forgetAttempts(active, parts);
  if (answer?.kind !== 'finished') return;
  if (answer.next) await startNext(answer.next, parts);
  // Not awaited: the place is free now. Whatever goes wrong, the housekeeping of any worker does it later.
  store.compact(runId).catch((error: unknown) => log.warn({ run_id: runId, err: error }, 'the log was not compacted yet'));
}

/** Something of what is to be written is refused whenever it is sent. The run ends all the same, and says so. @throws when not even that is taken: then its lease runs out */
async function finishBare(error: unknown, active: ActiveRun, outcome: Outcome, parts: WorkerParts): Promise<FinishAnswer | undefined> {
  parts.log.error({ run_id: active.run.id, err: error }, 'the end of the run cannot be written as it is');
  const why = failure('internal', `Its end was refused: ${error instanceof Error ? error.message : String(error)}`);
  const bare: Outcome = { ...outcome, status: 'failed', failure: outcome.failure?.code === 'internal' ? outcome.failure : why, result: null, structured_output: null };
  return ask(active, parts, () => parts.store.finish(active.lease, bare));
}

async function handOver(active: ActiveRun, { spent }: Extract<Ending, { kind: 'hand_over' }>, lastFlush: Flush | undefined, parts: WorkerParts): Promise<void> {
  const dispatch = await ask(active, parts, () => parts.store.handOver(active.lease, lastFlush, spent)).catch((error: unknown) => {
    // The next one finds out for itself what was done.
    parts.log.error({ run_id: active.run.id, err: error }, 'the run cannot be handed over in order');
    return ask(active, parts, () => parts.store.requeue(active.lease, 'lease_lost'));
  });
  if (await isRefused(dispatch, active, parts)) parts.metrics.staleWrite('hand_over');
  return next(dispatch, active, 'run handed over', parts);
}

async function park(active: ActiveRun, { input }: Extract<Ending, { kind: 'park' }>, lastFlush: Flush | undefined, parts: WorkerParts): Promise<void> {
  const answer = await ask(active, parts, () => parts.store.park(active.lease, input, lastFlush)).catch((error: unknown) => error as Error);
  if (answer instanceof Error) {
    const why = failure('internal', `It was to wait, and that was refused: ${answer.message}`);
    return finish(active, { ...failedOutcome(why), ...input.spent }, undefined, parts);
  }
  parts.log.info({ run_id: active.run.id, waiting_for: input.waitingFor, why: input.detail, answer: answer?.kind }, answer?.kind === 'passed_on' ? 'run left to another worker' : 'run waits');
  if (answer?.kind === 'lost') parts.metrics.staleWrite('park');
  if (answer?.kind === 'passed_on') {
    parts.provider.rest();
    await startNext(answer.next, parts);
  }
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
  const dispatch = await ask(active, parts, () => parts.store.requeue(active.lease, 'lease_lost'));
  if (await isRefused(dispatch, active, parts)) parts.metrics.staleWrite('give_back');
  return next(dispatch, active, 'run given back', parts);
}

/** When it was canceled meanwhile it was taken all the same: then the next run of its session has the dispatch, or there is none. */
async function isRefused(dispatch: Dispatch | undefined, active: ActiveRun, parts: WorkerParts): Promise<boolean> {
  return dispatch === undefined && (await ask(active, parts, () => parts.store.get(active.run.id)))?.status !== 'canceled';
}

async function next(dispatch: Dispatch | undefined, { run }: ActiveRun, what: string, parts: WorkerParts): Promise<void> {
  parts.log.info({ run_id: run.id, dispatch: dispatch?.dispatch }, what);
  if (dispatch) await startNext(dispatch, parts);
}

/** @throws what the store says again and again for no reason outside */
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
