import { expect, test } from 'vitest';
import { addResult, costOfProcess, NO_TOTALS } from './usage.js';

const model = (input: number, output: number) => ({ inputTokens: input, outputTokens: output, cacheReadInputTokens: 3, cacheCreationInputTokens: 5, costUSD: 1 });

test('several results of one process: tokens and turns are summed, the cost is the last total', () => {
  const first = { total_cost_usd: 0.01, num_turns: 2, model_usage_since_last_result: { a: model(100, 10), b: model(7, 1) }, usage: { input_tokens: 1 } };
  const second = { total_cost_usd: 0.03, num_turns: 1, model_usage_since_last_result: { a: model(200, 20) } };
  const totals = addResult(addResult(NO_TOTALS, first), second);
  expect(totals).toEqual({
    usage: { input_tokens: 307, output_tokens: 31, cache_read_input_tokens: 9, cache_creation_input_tokens: 15 },
    sessionCostUsd: 0.03,
    numTurns: 3,
  });
});

test('a CLI without usage per model counts by usage', () => {
  const totals = addResult(NO_TOTALS, { total_cost_usd: 1, num_turns: 1, usage: { input_tokens: 5, output_tokens: 6, cache_read_input_tokens: 7, cache_creation_input_tokens: 8 } });
  expect(totals.usage).toEqual({ input_tokens: 5, output_tokens: 6, cache_read_input_tokens: 7, cache_creation_input_tokens: 8 });
});

test('the price of a resumed session is a difference, without floating noise', () => {
  const totals = { ...NO_TOTALS, sessionCostUsd: 0.0024000000000000002 };
  expect(costOfProcess(totals, 0.0016)).toBe(0.0008);
});

test('a total below the one before is the price of the process alone', () => {
  expect(costOfProcess({ ...NO_TOTALS, sessionCostUsd: 0.5 }, 2)).toBe(0.5);
});

test('no result, no price', () => {
  expect(costOfProcess(NO_TOTALS, 2)).toBeNull();
});

test('nonsense in a result counts as nothing', () => {
  const totals = addResult(NO_TOTALS, { total_cost_usd: 'much', num_turns: null, model_usage_since_last_result: { a: 'b', c: { inputTokens: Number.NaN } } });
  expect(totals).toEqual({ usage: { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }, sessionCostUsd: null, numTurns: 0 });
});
