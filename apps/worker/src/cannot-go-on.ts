// An attempt that comes to nothing before its process does: ends a run that was not under way, and lets any other wait for somebody.
import type { Failure, FailureCode } from '@runyard/domain';
import type { ActiveRun } from './active-runs.js';
import type { Ending } from './endings.js';
import { endWithoutProcess, waitForSomebody } from './look-back.js';
import type { Beginning } from './look-back.js';
import { failedOutcome } from './outcomes.js';
import { NO_PAST } from './past-run.js';
import type { WorkerParts } from './worker-parts.js';

/** These are of the run itself: another attempt would end in the same way, whoever mends what. */
const FINAL: ReadonlySet<FailureCode> = new Set(['max_budget']);

/**
 * What was done so far is not given up because this attempt could not go on with it, and nothing begins anew by itself.
 * @param beginning undefined when not even that could be found out
 */
export async function cannotGoOn(why: Failure, active: ActiveRun, beginning: Beginning | undefined, parts: WorkerParts): Promise<Ending> {
  const wasUnderWay = beginning === undefined ? active.run.spawned > 0 : beginning.mode === 'resume';
  if (!wasUnderWay || FINAL.has(why.code)) return endWithoutProcess(failedOutcome(why), active, beginning?.past ?? NO_PAST, parts);
  const input = waitForSomebody(`It could not go on: ${why.message} Decide: resume, restart or abandon.`, beginning?.past ?? NO_PAST);
  // Where the past could not be read, what was noted before still holds.
  return { kind: 'park', input: beginning === undefined ? { ...input, spent: undefined } : input };
}
