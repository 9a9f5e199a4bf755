// What the attempts of a run have used up, added together. Pure.
import type { Spending } from '@runyard/claude';
import type { Usage } from '@runyard/domain';

export const NO_SPENDING: Spending = { usage: null, cost_usd: null, cost_estimated: false, num_turns: null };

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
