// Tells whoever waits for a run that the run waits for them.
import type { Run } from '@runyard/domain';
import { commandName, hint } from './context.js';
import type { Context } from './context.js';

/** Call the answer with each run that is seen waiting; it tells once for each that nobody but a person can help. */
export function undecidedHint(context: Context): (run: Run) => void {
  const told = new Set<string>();
  return (run) => {
    if (run.waiting_for !== 'recovery' || told.has(run.id)) return;
    told.add(run.id);
    hint(context, `${run.id} waits for somebody to decide: ${commandName(context)} recover ${run.id} resume|restart|abandon`);
  };
}
