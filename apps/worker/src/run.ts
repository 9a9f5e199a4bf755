// The way of a run through a worker: claim → look back → workspace → watch → session → claude → settle. Each step is one file.
import type { Spending } from '@runyard/claude';
import { failure } from '@runyard/domain';
import type { Failure, Outcome } from '@runyard/domain';
import type { Ticket } from '@runyard/run-queue';
import type { SpentSoFar } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import type { AttemptFile, AttemptNote } from './attempt-file.js';
import { openAttempt } from './attempt-step.js';
import { claimRun } from './claim-run.js';
import { limitsLeft } from './claude-command.js';
import { converse } from './converse.js';
import type { Conversation } from './converse.js';
import { crashPoint } from './crash-points.js';
import { backToTheQueue, cannotGoOn } from './cannot-go-on.js';
import { failureCodeOf } from './disk-full.js';
import { isEnding } from './endings.js';
import type { Ending } from './endings.js';
import { endWithoutProcess, lookBack } from './look-back.js';
import type { Beginning } from './look-back.js';
import { MachineTrouble, onThisMachine } from './machine-trouble.js';
import { elapsedMs, stoppedOutcome } from './outcomes.js';
import { whyNotStarted } from './refusals.js';
import { openSecrets } from './run-secrets.js';
import type { RunSecrets } from './run-secrets.js';
import { closeSession, keepForRun, keepForSession, openSession } from './session.js';
import type { OpenSession } from './session.js';
import { settleRun } from './settle-run.js';
import { sumOf } from './spending.js';
import { isFinal } from './stop-orders.js';
import { waitForProvider } from './upstream.js';
import type { WorkerParts } from './worker-parts.js';
import { openWorkspace } from './workspace-step.js';

/** Takes the run of a ticket from claim to its outcome, or to where another attempt goes on. A ticket that is out of date completes without effect. */
export async function performRun(ticket: Ticket, parts: WorkerParts): Promise<void> {
  const active = await claimRun(ticket, parts);
  if (active === undefined) return;
  try {
    await settleRun(active, await workOn(active, parts), parts);
  } finally {
    active.release();
    parts.active.remove(active);
  }
}

async function workOn(active: ActiveRun, parts: WorkerParts): Promise<Ending> {
  let beginning: Beginning | undefined;
  try {
    const found = await onThisMachine(lookBack(active, parts));
    if (isEnding(found)) return found;
    beginning = found;
    const ending = await goOn(active, beginning, parts);
    return isEnding(ending) ? ending : await cannotGoOn(ending, active, beginning, parts);
  } catch (error) {
    parts.log.error({ run_id: active.run.id, err: error }, 'an error ended the attempt');
    const back = error instanceof MachineTrouble ? await backToTheQueue(error, active, beginning, parts) : undefined;
    return back ?? cannotGoOn(failureOf(error instanceof MachineTrouble ? error.cause : error), active, beginning, parts);
  }
}

async function goOn(active: ActiveRun, beginning: Beginning, parts: WorkerParts): Promise<Ending | Failure> {
  // The look also keeps further tickets away, so the run does not come back here.
  if ((await parts.disk.look()) !== undefined) return { kind: 'give_back' };

  const refusal = whyNotStarted(active, beginning.past.spent(), parts);
  if (refusal) return refusal;

  const secrets = openSecrets(active.run.request, parts.hostEnvironment);
  if (isFailure(secrets)) return secrets;

  const workspace = await onThisMachine(openWorkspace(active, beginning.mode, parts));
  if (isFailure(workspace)) return workspace;

  // First the watch, then the process: a process that nobody watches must not exist.
  await onThisMachine(parts.warden.watch(active.mark, active.deadlineAtMs(), [active.privateDir]));
  try {
    const session = await onThisMachine(openSession(active, workspace, beginning.mode === 'resume' ? 'from_last_attempt' : 'from_prompt', parts, secrets));
    if (isFailure(session)) return session;
    const order = active.orders.current;
    if (order && isFinal(order)) return endWithoutProcess(stoppedOutcome(order), active, beginning.past, parts);
    if (active.lost.aborted) return { kind: 'lost' };
    if (active.leaving.aborted) return { kind: 'hand_over' };

    crashPoint('K0', active.run.id, active.lease.attempt);
    const notes = await onThisMachine(openAttempt(active, beginning.mode, session.costBeforeUsd, parts));
    if (isEnding(notes)) return notes;
    try {
      const limits = limitsLeft(active.run.request, beginning.past.spent());
      const conversation = await converse(active, { workspace, session, secrets, notes, limits, prompt: beginning.prompt }, parts);
      return await conclude({ active, beginning, session, secrets, notes, conversation }, parts);
    } finally {
      await notes.close();
    }
  } finally {
    await closeSession(active, parts);
    parts.warden.release(active.mark);
  }
}

interface Conclusion {
  readonly active: ActiveRun;
  readonly beginning: Beginning;
  readonly session: OpenSession;
  readonly secrets: RunSecrets;
  readonly notes: AttemptFile;
  readonly conversation: Conversation;
}

/** Keeps the conversation where whoever goes on looks for it, and notes how the attempt ended before anybody else is told. */
async function conclude({ active, beginning, session, secrets, notes, conversation }: Conclusion, parts: WorkerParts): Promise<Ending | Failure> {
  const { outcome: own, leftUnfinished, trouble } = conversation;
  if (!active.isHeld()) {
    // Whoever claims the run next need not do again what has come to its end.
    if (own.status === 'succeeded') await note(notes, { note: 'outcome', outcome: { ...own, ...spentSoFar(active, beginning, session, own) } }, active, parts);
    return { kind: 'lost' };
  }
  if (leftUnfinished || (trouble !== undefined && parts.settings.upstreamWaitMs > 0)) {
    const kept = await keepForRun(active, session, parts, secrets);
    await note(notes, { note: 'ended', ...kept }, active, parts);
    const spent = spentSoFar(active, beginning, session, unknownIsEstimated(conversation.spent(kept?.sessionCostUsd)));
    return trouble === undefined || leftUnfinished ? { kind: 'hand_over', spent } : { kind: 'park', input: { ...(await waitForProvider(trouble, active, parts)), spent } };
  }
  if (beginning.mode === 'resume' && !conversation.hasBegun && own.failure !== null && own.failure.code !== 'timed_out') {
    await note(notes, { note: 'ended' }, active, parts);
    return own.failure;
  }
  const kept = await keepForSession(active, session, parts, secrets);
  // Of a turn that was cut off no result tells the price; the transcript may.
  const isCutOff = own.cost_estimated || own.cost_usd === null;
  const priced = isCutOff ? conversation.spent(kept?.sessionCostUsd) : own;
  const spent = spentSoFar(active, beginning, session, priced);
  const isUnpriced = conversation.hasBegun && priced.cost_usd === null && spent.cost_usd !== null;
  const outcome: Outcome = { ...own, ...spent, cost_estimated: spent.cost_estimated || isUnpriced };
  await note(notes, { note: 'outcome', outcome }, active, parts);
  return { kind: 'outcome', outcome };
}

/** By this attempt and those before it. */
function spentSoFar(active: ActiveRun, { past, mode }: Beginning, { costBeforeUsd }: OpenSession, own: Spending): SpentSoFar {
  return { ...sumOf(past.spent({ mode, costBeforeUsd }), own), duration_ms: past.lastedMs + elapsedMs(active) };
}

/** Of a process that was stopped: it has cost something, whether or not anybody knows how much. */
function unknownIsEstimated(own: Spending): Spending {
  return { ...own, cost_estimated: own.cost_estimated || own.cost_usd === null };
}

/** The notes are for the case that this worker dies now: a disk that takes none must not change how the run ends. */
async function note(notes: AttemptFile, what: AttemptNote, { run }: ActiveRun, { log }: WorkerParts): Promise<void> {
  await notes.note(what).catch((error: unknown) => log.error({ run_id: run.id, err: error }, 'the end of the attempt was not written down'));
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return failure(failureCodeOf(error), message);
}

function isFailure(value: object): value is Failure {
  return 'code' in value;
}
