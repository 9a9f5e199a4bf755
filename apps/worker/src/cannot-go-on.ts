// An attempt that comes to nothing before its process does: ends a run that was not under way, and lets any other wait for somebody.
import type { Failure, FailureCode } from '@runyard/domain';
import type { ActiveRun } from './active-runs.js';
import type { Ending } from './endings.js';
import { endWithoutProcess, waitForSomebody } from './look-back.js';
import type { Beginning } from './look-back.js';
import type { MachineTrouble } from './machine-trouble.js';
import { failedOutcome, stoppedOutcome } from './outcomes.js';
import { NO_PAST } from './past-run.js';
import { isFinal } from './stop-orders.js';
import type { WorkerParts } from './worker-parts.js';

/** These are of the run itself: another attempt would end in the same way, whoever mends what. */
const FINAL: ReadonlySet<FailureCode> = new Set(['max_budget']);
/** So many attempts in a row may come to nothing on machines with which nothing seems to be wrong; after that it is the run. */
const UNBEGUN_AT_MOST = 10;

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

/**
 * Another worker may do better, or this one when its machine does. Until then it takes none, so the run cannot go round.
 * Undefined when it went round all the same, for nothing that can be seen here.
 */
export async function backToTheQueue({ message }: MachineTrouble, active: ActiveRun, beginning: Beginning | undefined, parts: WorkerParts): Promise<Ending | undefined> {
  const problem = await parts.machine.rest(message);
  const { run, orders } = active;
  if (orders.current !== undefined && isFinal(orders.current)) return endWithoutProcess(stoppedOutcome(orders.current), active, beginning?.past ?? NO_PAST, parts);
  return problem === undefined && run.attempt - run.spawned > UNBEGUN_AT_MOST ? undefined : { kind: 'give_back' };
}
