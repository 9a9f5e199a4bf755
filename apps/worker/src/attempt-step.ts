// The files of an attempt: nothing is started before they are there, nothing is over before they say so.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActiveRun } from './active-runs.js';
import { AttemptFile, readAttempts } from './attempt-file.js';
import type { AttemptNotes } from './attempt-file.js';
import type { Ending } from './endings.js';
import { monotonicMs } from './monotonic-clock.js';
import type { Plan } from './recovery-plan.js';
import { untilAnswered } from './until-answered.js';
import type { WorkerParts } from './worker-parts.js';

/** Longer than a process may live whose worker cannot reach the store any more. */
const STRANGER_MS = 15_000;
const LOOK_EVERY_MS = 250;

/**
 * The notes of earlier attempts. When Redis has lost writes there may be notes of attempts that, as far as it knows, never were:
 * then an outcome among them is the outcome, and else the run gets a number above theirs once their processes are surely gone.
 */
export async function readNotes({ run, lost, orders }: ActiveRun, { settings, log }: WorkerParts): Promise<AttemptNotes[] | Ending> {
  const notes = await readAttempts(settings.dataDir, run.id);
  const strangers = (all: readonly AttemptNotes[]) => all.filter(({ attempt }) => attempt >= run.attempt);
  const highest = strangers(notes).at(-1)?.attempt;
  if (highest === undefined) return notes;
  log.error({ run_id: run.id, attempt: run.attempt, known: highest }, 'Redis has lost writes: the data directory knows later attempts');
  const since = monotonicMs();
  for (let latest = notes; ; latest = await readAttempts(settings.dataDir, run.id)) {
    const outcome = latest.findLast((one) => one.outcome !== undefined)?.outcome;
    if (outcome !== undefined) return { kind: 'outcome', outcome };
    const isOver = strangers(latest).every(({ starting, ended }) => starting === undefined || ended !== undefined);
    if (isOver || monotonicMs() - since > STRANGER_MS || lost.aborted || orders.current !== undefined) return { kind: 'raise_attempt', atLeast: highest };
    await sleep(LOOK_EVERY_MS);
  }
}

/** Notes on the disk and in the record that a process is about to be started. */
export async function openAttempt({ run, lease }: ActiveRun, mode: Extract<Plan['kind'], 'start' | 'restart' | 'resume'>, costBeforeUsd: number, parts: WorkerParts): Promise<AttemptFile | Ending> {
  const file = await AttemptFile.create(parts.settings.dataDir, lease, { mode, costBeforeUsd });
  if (file === undefined) return { kind: 'raise_attempt', atLeast: run.attempt };
  const answer = await untilAnswered(
    () => parts.store.noteSpawn(lease),
    (error) => parts.log.warn({ run_id: run.id, err: error }, 'the start was not noted yet; trying again'),
  ).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  if (answer === 'noted') return file;
  // Another attempt may be under way: no process of this one may come to be.
  await file.close();
  return { kind: 'lost' };
}

