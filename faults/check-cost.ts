// I6: the price in the record, compared with what the lines of the CLI say.
import type { Evidence, Expectation, SeenEvent } from './evidence.ts';
import type { Violation } from './checker.ts';

const CENT_FRACTION = 1e-6;

interface Attempt {
  /** The last total that the CLI told; it counts over the processes of a resumed session. */
  total: number | undefined;
  /** A model answered: it cost something. */
  answered: boolean;
}

/** Violations of I6. Where an attempt ended without a total, the record must say that it is an estimate. */
export function costViolations({ run, log }: Evidence, { priceKept = false }: Expectation): Violation[] {
  if (run === undefined || run.status === 'canceled') return [];
  const attempts = [...attemptsOf(log).values()].filter((attempt) => attempt.answered);
  if (attempts.length === 0) return [];
  const found: string[] = [];
  const untold = attempts.filter((attempt) => attempt.total === undefined).length;
  const cost = run.cost_usd ?? 0;
  const [first] = attempts;
  if (untold > 0 && !priceKept && !run.cost_estimated) found.push(`${untold} attempts ended without a total, but the cost is not marked as estimated`);
  if (untold > 0 && !(cost > 0)) found.push(`a model answered, but the recorded cost is ${run.cost_usd}`);
  // An attempt that was cut off in its first words has cost something too; only an estimate tells.
  const isExact = attempts.length === 1 && (run.attempt === 1 || !run.cost_estimated);
  if (isExact && first?.total !== undefined && Math.abs(cost - first.total) > CENT_FRACTION) {
    found.push(`recorded ${cost} USD, the CLI told ${first.total} USD`);
  }
  const most = Math.max(...attempts.map((attempt) => attempt.total ?? 0));
  if (cost + CENT_FRACTION < most) found.push(`recorded ${cost} USD, less than the ${most} USD of one attempt`);
  return found.map((what) => ({ invariant: 'I6', what }));
}

function attemptsOf(log: readonly SeenEvent[]): Map<string, Attempt> {
  const attempts = new Map<string, Attempt>();
  for (const event of log) {
    if (event.type !== 'claude.result' && event.type !== 'claude.assistant') continue;
    const number = event.id.split('-')[0] ?? '';
    const attempt = attempts.get(number) ?? { total: undefined, answered: false };
    attempts.set(number, attempt);
    const data = dataOf(event);
    if (event.type === 'claude.result') attempt.total = typeof data['total_cost_usd'] === 'number' ? data['total_cost_usd'] : attempt.total;
    // What the CLI says in the name of the model, such as an error of the API, costs nothing.
    else if (!event.text.includes('"model":"<synthetic>"')) attempt.answered = true;
  }
  return attempts;
}

function dataOf({ text }: SeenEvent): Readonly<Record<string, unknown>> {
  return (JSON.parse(text) as { readonly data: Readonly<Record<string, unknown>> }).data;
}
