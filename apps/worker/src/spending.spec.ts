// What attempts without an outcome have cost.
import type { ProcessTotals } from '@runyard/claude';
import { expect, test } from 'vitest';
import { NO_SPENDING, spendingOf, sumOf } from './spending.js';

const usage = (tokens: number) => ({ input_tokens: tokens, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 });
const totals: ProcessTotals = { usage: usage(100), sessionCostUsd: 1.5, numTurns: 2 };
const whole = { usageSinceLastResult: null, usageByModelSinceLastResult: new Map() };
const cut = { usageSinceLastResult: usage(10), usageByModelSinceLastResult: new Map([['no-such-model', usage(10)]]) };

test('results say what they cost, by difference; nothing is estimated', () => {
  expect(spendingOf(totals, whole, 1)).toEqual({ usage: usage(100), cost_usd: 0.5, cost_estimated: false, num_turns: 2 });
});

test('a turn that was cut off is estimated, unless the transcript knows its price', () => {
  expect(spendingOf(totals, cut, 1)).toMatchObject({ usage: usage(110), cost_usd: 0.5, cost_estimated: true });
  expect(spendingOf(totals, cut, 1, 1.75)).toMatchObject({ usage: usage(110), cost_usd: 0.75, cost_estimated: false });
  // The transcript stopped at the last result, or has nothing at all: the cut turn is not in it.
  for (const after of [1.5, 1, 0]) expect(spendingOf(totals, cut, 1, after)).toMatchObject({ cost_usd: 0.5, cost_estimated: true });
});

test('sums keep what is unknown apart from nothing', () => {
  expect(sumOf(NO_SPENDING, NO_SPENDING)).toEqual(NO_SPENDING);
  const known = { usage: usage(1), cost_usd: 0.1, cost_estimated: true, num_turns: 1 };
  expect(sumOf(NO_SPENDING, known)).toEqual(known);
  expect(sumOf(known, { usage: usage(2), cost_usd: 0.2, cost_estimated: false, num_turns: 2 })).toEqual({ usage: usage(3), cost_usd: 0.3, cost_estimated: true, num_turns: 3 });
});
