// The last lines of a run: state, time, turns, cost; and for a failure what happened and what to do.
import type { Outcome, Run } from '@runyard/domain';
import { paintStatus } from './style.js';
import type { Paint } from './style.js';
import { visible } from './text.js';
import { formatCost, formatDuration, plural } from './units.js';

type Ended = Pick<Run | Outcome, 'status' | 'failure' | 'duration_ms' | 'num_turns' | 'cost_usd' | 'cost_estimated'>;

const MARKS: Readonly<Record<string, string>> = { succeeded: '✔', failed: '✖', canceled: '■' };

/** `✔ succeeded · 0:12 · 3 turns · $0.0123`, and the failure's message below. Ends with a newline. */
export function outcomeLines(run: Ended, paint: Paint): string {
  const facts = [
    run.failure ? `${run.status} (${run.failure.code})` : run.status,
    run.duration_ms === null ? undefined : formatDuration(run.duration_ms),
    run.num_turns === null ? undefined : plural(run.num_turns, 'turn'),
    run.cost_usd === null ? undefined : formatCost(run.cost_usd, run.cost_estimated),
  ].filter((fact) => fact !== undefined);
  const [state = '', ...rest] = facts;
  const head = paintStatus(paint, run.status, `${MARKS[run.status] ?? '●'} ${state}`);
  const lines = [[head, ...rest.map((fact) => paint('dim', fact))].join(paint('dim', ' · '))];
  if (run.failure) lines.push(...visible(run.failure.message).split('\n').map((line) => `  ${line}`));
  return lines.map((line) => `${line}\n`).join('');
}
