// What attempts have cost together.
import { expect, test } from 'vitest';
import { NO_SPENDING, sumOf } from './spending.js';

const usage = (tokens: number) => ({ input_tokens: tokens, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 });

test('sums keep what is unknown apart from nothing', () => {
  expect(sumOf(NO_SPENDING, NO_SPENDING)).toEqual(NO_SPENDING);
  const known = { usage: usage(1), cost_usd: 0.1, cost_estimated: true, num_turns: 1 };
  expect(sumOf(NO_SPENDING, known)).toEqual(known);
  expect(sumOf(known, { usage: usage(2), cost_usd: 0.2, cost_estimated: false, num_turns: 2 })).toEqual({ usage: usage(3), cost_usd: 0.3, cost_estimated: true, num_turns: 3 });
});
