// What the attempts of a run have used up, added together. Pure.
import { costOfProcess, estimateCostOfModelsUsd } from '@runyard/claude';
import type { ProcessTotals, RunFacts } from '@runyard/claude';
import type { Outcome, Usage } from '@runyard/domain';

/** Like the fields of an outcome; null = nothing is known. */
export type Spending = Pick<Outcome, 'usage' | 'cost_usd' | 'cost_estimated' | 'num_turns'>;

export const NO_SPENDING: Spending = { usage: null, cost_usd: null, cost_estimated: false, num_turns: null };

/**
 * Of an attempt that ended without an outcome: its results say what they cost, the rest is estimated from the tokens of its answers.
 * @param costBeforeUsd what its session had cost when it began
 * @param costAfterUsd … and when it had ended, as far as its transcript says. The CLI notes it at each result, and for a turn that was
 * cut off only when it had the time: more than the results say is that turn, and then nothing is estimated
 */
export function spendingOf(totals: ProcessTotals, facts: Facts, costBeforeUsd: number, costAfterUsd?: number): Spending {
  const rest = facts.usageSinceLastResult;
  const told = costOfProcess(totals, costBeforeUsd);
  const sum = sumOf({ ...NO_SPENDING, usage: totals.usage, num_turns: totals.numTurns }, { ...NO_SPENDING, usage: rest });
  const noted = costAfterUsd === undefined ? 0 : Number((costAfterUsd - costBeforeUsd).toFixed(8));
  if (noted > (told ?? 0)) return { ...sum, cost_usd: noted };
  if (rest === null) return { ...sum, cost_usd: told };
  const estimate = estimateCostOfModelsUsd(facts.usageByModelSinceLastResult) ?? null;
  return { ...sum, cost_usd: addNumbers(told, estimate), cost_estimated: true };
}

/** Of a process that was stopped: its transcript may know the price of the turn that was cut off, which no result tells. */
export function afterTranscript(own: Spending, costBeforeUsd: number, costAfterUsd: number | undefined): Spending {
  const noted = costAfterUsd === undefined ? 0 : Number((costAfterUsd - costBeforeUsd).toFixed(8));
  if (noted > (own.cost_usd ?? 0)) return { ...own, cost_usd: noted, cost_estimated: false };
  return { ...own, cost_estimated: own.cost_estimated || own.cost_usd === null };
}

type Facts = Pick<RunFacts, 'usageSinceLastResult' | 'usageByModelSinceLastResult'>;

export function sumOf(left: Spending, right: Spending): Spending {
  return {
    usage: left.usage === null || right.usage === null ? (left.usage ?? right.usage) : addUsage(left.usage, right.usage),
    cost_usd: addNumbers(left.cost_usd, right.cost_usd),
    cost_estimated: left.cost_estimated || right.cost_estimated,
    num_turns: addNumbers(left.num_turns, right.num_turns),
  };
}

function addNumbers(left: number | null, right: number | null): number | null {
  if (left === null || right === null) return left ?? right;
  // Sums of floating prices: keep a hundredth of a micro-dollar, drop the noise behind it.
  return Number((left + right).toFixed(8));
}

function addUsage(left: Usage, right: Usage): Usage {
  return {
    input_tokens: left.input_tokens + right.input_tokens,
    output_tokens: left.output_tokens + right.output_tokens,
    cache_read_input_tokens: left.cache_read_input_tokens + right.cache_read_input_tokens,
    cache_creation_input_tokens: left.cache_creation_input_tokens + right.cache_creation_input_tokens,
  };
}
