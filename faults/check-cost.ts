// I6: the price in the record, compared with what the lines of the CLI say.
import type { Evidence, Expectation, RunView, SeenEvent } from './evidence.ts';
import type { Violation } from './checker.ts';

const CENT_FRACTION = 1e-6;

interface Attempt {
  /** Its worker was killed. */
  wasLost: boolean;
  /** The last total that the CLI told; it counts over the processes of a resumed session. */
  total: number | undefined;
  /** A model answered: it cost something. */
  answered: boolean;
  /** A later attempt found how it had ended, and ended the run with that: its price is known, though the log does not tell it. */
  wasKept: boolean;
}

/**
 * Violations of I6. Where an attempt ended without a total, the record must say that it is an estimate. A run that is canceled when its
 * worker was lost may end before another one has looked back: then what that attempt has cost may be missing, and the record must say that too.
 */
export function costViolations({ run, log, killedWorkers }: Evidence, { priceKept = false }: Expectation): Violation[] {
  if (run === undefined) return [];
  const answered = [...attemptsOf(log, killedWorkers).values()].filter((attempt) => attempt.answered);
  const attempts = run.status === 'canceled' ? answered.filter((attempt) => !attempt.wasLost) : answered;
  const found: string[] = [];
  const untold = answered.filter((attempt) => attempt.total === undefined && !attempt.wasKept).length;
  if (untold > 0 && !priceKept && !run.cost_estimated) found.push(`${untold} attempts ended without a total, but the cost is not marked as estimated`);
  if (answered.length > attempts.length && run.cost_usd === null && !run.cost_estimated) found.push('a lost attempt has cost something, but the record says that nothing was spent');
  found.push(...amountViolations(run, attempts, answered.length > attempts.length));
  return found.map((what) => ({ invariant: 'I6', what }));
}

function amountViolations(run: RunView, attempts: readonly Attempt[], isPart: boolean): string[] {
  if (attempts.length === 0) return [];
  const found: string[] = [];
  const untold = attempts.filter((attempt) => attempt.total === undefined).length;
  const cost = run.cost_usd ?? 0;
  const [first] = attempts;
  if (untold > 0 && !(cost > 0)) found.push(`a model answered, but the recorded cost is ${run.cost_usd}`);
  // An attempt that was cut off in its first words has cost something too; only an estimate tells.
  const isExact = !isPart && attempts.length === 1 && (run.attempt === 1 || !run.cost_estimated);
  if (isExact && first?.total !== undefined && Math.abs(cost - first.total) > CENT_FRACTION) {
    found.push(`recorded ${cost} USD, the CLI told ${first.total} USD`);
  }
  const most = Math.max(...attempts.map((attempt) => attempt.total ?? 0));
  if (cost + CENT_FRACTION < most) found.push(`recorded ${cost} USD, less than the ${most} USD of one attempt`);
  return found;
}

function attemptsOf(log: readonly SeenEvent[], killedWorkers: readonly string[]): Map<string, Attempt> {
  const attempts = new Map<string, Attempt>();
  let withProcess = '';
  for (const event of log) {
    const number = event.id.split('-')[0] ?? '';
    if (event.type.startsWith('claude.')) withProcess = number;
    const before = attempts.get(withProcess);
    if (event.type === 'run.finished' && withProcess !== number && before !== undefined) before.wasKept = dataOf(event)['status'] === 'succeeded';
    if (event.type !== 'run.started' && event.type !== 'claude.result' && event.type !== 'claude.assistant') continue;
    const attempt = attempts.get(number) ?? { wasLost: false, total: undefined, answered: false, wasKept: false };
    attempts.set(number, attempt);
    const data = dataOf(event);
    if (event.type === 'run.started') attempt.wasLost = killedWorkers.includes(String(data['worker_id']));
    else if (event.type === 'claude.result') attempt.total = typeof data['total_cost_usd'] === 'number' ? data['total_cost_usd'] : attempt.total;
    // What the CLI says in the name of the model, such as an error of the API, costs nothing.
    else if (!event.text.includes('"model":"<synthetic>"')) attempt.answered = true;
  }
  return attempts;
}

function dataOf({ text }: SeenEvent): Readonly<Record<string, unknown>> {
  return (JSON.parse(text) as { readonly data: Readonly<Record<string, unknown>> }).data;
}
