// The template of a schedule, looked at as a run that is to be created now.
import { ProblemError } from '@runyard/domain';
import type { CreateRun } from '@runyard/domain';
import type { RunSurroundings } from '../runs/run-rules.js';
import { checkRunRules } from '../runs/run-rules.js';

/** @throws ProblemError as checkRunRules does, with the fields named as those of the schedule */
export async function checkTemplate(run: CreateRun, surroundings: RunSurroundings): Promise<void> {
  try {
    await checkRunRules(run, surroundings);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    throw new ProblemError(error.code, undefined, error.errors.map(({ field, message }) => ({ field: `run.${field}`, message })));
  }
}

/** A problem in one line, for logs and ledgers: what, then each field with what is wrong with it. */
export function oneLineOf({ message, errors }: ProblemError): string {
  return [message, ...errors.map((error) => `${error.field} ${error.message}`)].join(': ');
}
