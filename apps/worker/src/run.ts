// The way of a run through a worker: claim → workspace → watch → session → claude → settle. Each step is one file.
import { failure } from '@runyard/domain';
import type { Failure, Outcome } from '@runyard/domain';
import type { Ticket } from '@runyard/run-queue';
import type { ActiveRun } from './active-runs.js';
import { claimRun } from './claim-run.js';
import { converse } from './converse.js';
import { elapsedMs, failedOutcome, LEASE_LOST, stoppedOutcome } from './outcomes.js';
import { whyNotStarted } from './refusals.js';
import { openSecrets } from './run-secrets.js';
import { closeSession, keepSession, openSession } from './session.js';
import { settleRun } from './settle-run.js';
import type { WorkerParts } from './worker-parts.js';
import { openWorkspace } from './workspace-step.js';

/** Takes the run of a ticket from claim to outcome. A ticket that is out of date completes without effect. */
export async function performRun(ticket: Ticket, parts: WorkerParts): Promise<void> {
  const active = await claimRun(ticket, parts);
  if (active === undefined) return;
  try {
    const outcome = await workOn(active, parts);
    await settleRun(active, { ...outcome, duration_ms: elapsedMs(active) }, parts);
  } finally {
    active.release();
    parts.active.remove(active);
  }
}

async function workOn(active: ActiveRun, parts: WorkerParts): Promise<Outcome> {
  try {
    return await tryToWorkOn(active, parts);
  } catch (error) {
    parts.log.error({ run_id: active.run.id, err: error }, 'an error ended the run');
    return failedOutcome(failureOf(error));
  }
}

async function tryToWorkOn(active: ActiveRun, parts: WorkerParts): Promise<Outcome> {
  const refusal = whyNotStarted(active, parts);
  if (refusal) return failedOutcome(refusal);

  const secrets = openSecrets(active.run.request, parts.hostEnvironment);
  if (isFailure(secrets)) return failedOutcome(secrets);

  const workspace = await openWorkspace(active, parts);
  if (isFailure(workspace)) return failedOutcome(workspace);

  // First the watch, then the process: a process that nobody watches must not exist.
  await parts.warden.watch(active.mark, active.deadlineAtMs(), [active.privateDir]);
  try {
    const session = await openSession(active, workspace, parts);
    if (isFailure(session)) return failedOutcome(session);
    if (active.orders.current) return stoppedOutcome(active.orders.current);
    if (active.lost.aborted) return stoppedOutcome(LEASE_LOST);

    const conversation = await converse(active, workspace, session, parts, secrets);
    if (!active.lost.aborted) await keepSession(active, session, conversation.sessionCostUsd, parts, secrets);
    return conversation.outcome;
  } finally {
    await closeSession(active, parts);
    parts.warden.release(active.mark);
  }
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const isFull = error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
  return failure(isFull ? 'disk_full' : 'internal', message);
}

function isFailure(value: object): value is Failure {
  return 'code' in value;
}
