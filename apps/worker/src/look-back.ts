// Step 2: what earlier attempts of the run have left behind, and so how this one begins, or that it need not begin at all.
import { reconciliationNote } from '@runyard/claude';
import type { CreateRun, FailureCode, Outcome } from '@runyard/domain';
import type { ParkInput, RunRecord } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import type { AttemptNotes } from './attempt-file.js';
import { readNotes } from './attempt-step.js';
import { isEnding } from './endings.js';
import type { Ending } from './endings.js';
import { failedOutcome } from './outcomes.js';
import { changingInFlight, NO_PAST, readPast, workOf } from './past-run.js';
import type { Past } from './past-run.js';
import { planRecovery } from './recovery-plan.js';
import type { PastRun, Plan } from './recovery-plan.js';
import { promote, salvage } from './session.js';
import type { LastAttempt } from './session.js';
import type { WorkerParts } from './worker-parts.js';

/** How this attempt begins. */
export interface Beginning {
  readonly mode: 'start' | 'restart' | 'resume';
  /** The first message: the run's prompt, or a note to the conversation that goes on. */
  readonly prompt: CreateRun['prompt'];
  readonly past: Past;
}

/** For these a run may wait; a worker that was lost before it could say so changes nothing about that. */
const PROVIDER_FAILURES: ReadonlySet<FailureCode> = new Set(['rate_limited', 'overloaded', 'billing_error', 'authentication_failed', 'api_error', 'connection_failed']);

/** Reads the notes and the log of earlier attempts. Most runs have none. */
export async function lookBack(active: ActiveRun, parts: WorkerParts): Promise<Beginning | Ending> {
  const { run } = active;
  const notes = await readNotes(active, parts);
  if (isEnding(notes)) return notes;
  if (run.attempt === 1 && notes.length === 0) return { mode: 'start', prompt: run.request.prompt, past: NO_PAST };
  const past = await readPast(run, notes, parts.store);
  const known = await pastRunOf(run, notes, past, parts);
  const plan = planRecovery(known);
  parts.log.info({ run_id: run.id, attempt: run.attempt, left: run.left, losses: run.losses, plan: plan.kind }, 'an earlier attempt had the run');
  active.ranBefore(past.lastedMs);
  return await follow(plan, active, past, parts);
}

/** The run ends here; what earlier attempts said and spent counts. */
export async function endWithoutProcess(outcome: Outcome, { run }: ActiveRun, past: Past, parts: WorkerParts): Promise<Ending> {
  if (past.attempts.length === 0) return { kind: 'outcome', outcome };
  await promote(run, parts);
  return { kind: 'outcome', outcome: { ...outcome, ...past.spent(), duration_ms: past.lastedMs } };
}

/** How a run waits for a person, with what it has used up so far. */
export function waitForSomebody(detail: string, past: Past): ParkInput {
  return { waitingFor: 'recovery', left: 'recovery', detail, spent: { ...past.spent(), duration_ms: past.lastedMs } };
}

async function follow(plan: Plan, active: ActiveRun, past: Past, parts: WorkerParts): Promise<Beginning | Ending> {
  const { run, events } = active;
  switch (plan.kind) {
    case 'publish':
      await promote(run, parts);
      return { kind: 'outcome', outcome: plan.outcome };
    case 'fail':
      return endWithoutProcess(failedOutcome(plan.failure), active, past, parts);
    case 'ask':
      return { kind: 'park', input: waitForSomebody(plan.detail, past) };
    case 'start':
      return { mode: 'start', prompt: run.request.prompt, past };
    case 'restart':
      await events.write('run.resumed', JSON.stringify({ attempt: run.attempt, how: 'restart' }));
      return { mode: 'restart', prompt: run.request.prompt, past };
    case 'resume':
      await events.write('run.resumed', JSON.stringify({ attempt: run.attempt, how: 'resume' }));
      return { mode: 'resume', prompt: noteFor(run, past), past };
  }
}

async function pastRunOf(run: RunRecord, notes: readonly AttemptNotes[], past: Past, parts: WorkerParts): Promise<PastRun> {
  return {
    option: run.request.recovery ?? 'auto',
    left: run.left,
    decision: run.decision,
    losses: run.losses,
    outcome: outcomeReached(notes, past),
    work: workOf(run, notes, past),
    hasTranscript: await salvage(run, lastAttempt(notes, past), parts),
  };
}

function lastAttempt(notes: readonly AttemptNotes[], { attempts }: Past): LastAttempt | undefined {
  const last = notes.findLast(({ starting }) => starting !== undefined);
  if (last === undefined) return undefined;
  const facts = attempts.find(({ attempt, isForgotten }) => attempt === last.attempt && !isForgotten)?.facts;
  return { attempt: last.attempt, isKept: last.ended?.sessionCostUsd !== undefined, saidNothing: facts !== undefined && !facts.answered && facts.released.length === 0 };
}

/** What the last attempt noted as the outcome; or its last result, when it was lost before it could. */
function outcomeReached(notes: readonly AttemptNotes[], past: Past): Outcome | undefined {
  const last = notes.at(-1);
  if (last?.outcome !== undefined || last?.starting === undefined || last.ended !== undefined) return last?.outcome;
  const told = past.attempts.find(({ attempt }) => attempt === last.attempt)?.outcome;
  if (told === undefined || (told.failure !== null && PROVIDER_FAILURES.has(told.failure.code))) return undefined;
  return { ...told, ...past.spent(), duration_ms: past.lastedMs };
}

function noteFor({ left, decision }: RunRecord, { attempts }: Past): string {
  const why = decision === 'resume' ? 'decision' : left === 'handed_over' ? 'handed_over' : left === 'quota' || left === 'auth' ? 'upstream' : 'lost';
  // An attempt that was lost before it had said anything knows less than the one before it.
  const last = attempts.findLast(({ facts }) => facts.answered || facts.released.length > 0) ?? attempts.at(-1);
  if (last === undefined) return 'Go on with the task.';
  const inFlight = changingInFlight(last);
  const facts = last.stoppedDuring === undefined ? last.facts : { ...last.facts, inFlight, changingInFlight: inFlight };
  return reconciliationNote({ why, atIso: last.lastAt, facts });
}
