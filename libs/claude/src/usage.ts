// What the results of one process add up to: tokens, turns and the price. Pure.
import type { Usage } from '@runyard/domain';
import { isObject, numberField, objectField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

export interface ProcessTotals {
  /** Null before the first result. */
  readonly usage: Usage | null;
  /** The CLI's price of the whole session up to the last result, earlier processes included. */
  readonly sessionCostUsd: number | null;
  readonly numTurns: number | null;
}

export const NO_TOTALS: ProcessTotals = { usage: null, sessionCostUsd: null, numTurns: null };

/**
 * Adds one `result` message. A process may print several: `usage` counts one turn and leaves subagents out, so the tokens
 * come from `model_usage_since_last_result` where it is there (measured, 2.1.330).
 */
export function addResult(totals: ProcessTotals, result: JsonObject): ProcessTotals {
  return {
    usage: addUsage(totals.usage, usageSinceLastResult(result)),
    sessionCostUsd: numberField(result, 'total_cost_usd') ?? totals.sessionCostUsd,
    numTurns: (totals.numTurns ?? 0) + (numberField(result, 'num_turns') ?? 0),
  };
}

/**
 * The price of this process alone, in US dollars.
 * @param costBeforeUsd what the session had cost when the process began: the `sessionCostUsd` of the process before, 0 for a new session
 * @returns null without a result. A session total below the one before is that of a CLI that counts each process alone.
 */
export function costOfProcess(totals: ProcessTotals, costBeforeUsd: number): number | null {
  if (totals.sessionCostUsd === null) return null;
  const difference = totals.sessionCostUsd - costBeforeUsd;
  // Differences of floating sums: keep a hundredth of a micro-dollar, drop the noise behind it.
  return Number((difference < 0 ? totals.sessionCostUsd : difference).toFixed(8));
}

function usageSinceLastResult(result: JsonObject): Usage {
  const byModel = objectField(result, 'model_usage_since_last_result');
  if (byModel === undefined) return readUsage(objectField(result, 'usage'));
  const zero: Usage = readUsage(undefined);
  return Object.values(byModel).filter(isObject).reduce<Usage>((sum, model) => addUsage(sum, readModelUsage(model)), zero);
}

/** Usage as the API words it; what is missing is 0. */
export function readUsage(usage: JsonObject | undefined): Usage {
  return {
    input_tokens: numberField(usage, 'input_tokens') ?? 0,
    output_tokens: numberField(usage, 'output_tokens') ?? 0,
    cache_read_input_tokens: numberField(usage, 'cache_read_input_tokens') ?? 0,
    cache_creation_input_tokens: numberField(usage, 'cache_creation_input_tokens') ?? 0,
  };
}

function readModelUsage(model: JsonObject): Usage {
  return {
    input_tokens: numberField(model, 'inputTokens') ?? 0,
    output_tokens: numberField(model, 'outputTokens') ?? 0,
    cache_read_input_tokens: numberField(model, 'cacheReadInputTokens') ?? 0,
    cache_creation_input_tokens: numberField(model, 'cacheCreationInputTokens') ?? 0,
  };
}

/** The sum of both. */
export function addUsage(left: Usage | null, right: Usage): Usage {
  return {
    input_tokens: (left?.input_tokens ?? 0) + right.input_tokens,
    output_tokens: (left?.output_tokens ?? 0) + right.output_tokens,
    cache_read_input_tokens: (left?.cache_read_input_tokens ?? 0) + right.cache_read_input_tokens,
    cache_creation_input_tokens: (left?.cache_creation_input_tokens ?? 0) + right.cache_creation_input_tokens,
  };
}
