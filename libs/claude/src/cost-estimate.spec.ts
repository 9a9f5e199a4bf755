// The estimate agrees with what the CLI itself has charged for the same tokens.
import { expect, test } from 'vitest';
import { estimateCostOfModelsUsd, estimateCostUsd } from './cost-estimate.js';

const usage = (input: number, output: number, cacheRead: number, cacheCreation: number) => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: cacheRead,
  cache_creation_input_tokens: cacheCreation,
});

// Of runs of 2.1.330: tokens and costUSD from `modelUsage`.
test.each([
  ['claude-opus-5-5', usage(6, 23, 12_096, 12_211), 0.0639582],
  ['claude-opus-5', usage(6, 23, 12_865, 13_001), 0.08829375],
  ['claude-opus-4-8', usage(6, 23, 12_037, 12_173), 0.08270475],
  ['claude-opus-4-5', usage(6, 45, 21_674, 21_772), 0.148067],
  ['claude-sonnet-5-5', usage(6, 23, 12_031, 12_147), 0.0318126],
  ['claude-sonnet-5', usage(6, 23, 21_560, 21_710), 0.058829],
  ['claude-sonnet-4-5', usage(6, 45, 21_678, 21_776), 0.0888564],
  ['claude-sonnet-4-20250514', usage(6, 45, 21_683, 21_782), 0.0888804],
  ['claude-3-7-sonnet-latest', usage(6, 45, 31_479, 31_577), 0.12855045],
  ['claude-haiku-5-5', usage(6, 23, 12_756, 12_892), 0.00175116],
  ['claude-haiku-4-5', usage(6, 45, 21_676, 21_774), 0.0296161],
  ['claude-3-5-haiku-latest', usage(6, 45, 31_478, 31_576), 0.03427904],
  ['claude-fable-5', usage(6, 23, 13_134, 13_270), 0.180219],
  ['claude-mythos-5', usage(6, 23, 12_991, 13_127), 0.1782885],
])('%s', (model, tokens, costUsd) => {
  expect(estimateCostUsd(model, tokens)).toBeCloseTo(costUsd, 7);
});

test('the names of other providers are understood, later versions are not taken for earlier ones', () => {
  const million = usage(1_000_000, 0, 0, 0);
  expect(estimateCostUsd('us.anthropic.claude-sonnet-4-5-20250929-v1:0', million)).toBe(3);
  expect(estimateCostUsd('claude-haiku-4-5@20251001', million)).toBe(1);
  expect(estimateCostUsd('claude-opus-5-5[1m]', million)).toBe(4);
  expect(['claude-opus-5-6', 'claude-opus-6', 'claude-opus-55', 'claude-sonnet-4-9', 'gpt-x', ''].map((model) => estimateCostUsd(model, million))).toEqual(Array(6).fill(undefined));
});

test('several models: the sum, or nothing when one of them is unknown', () => {
  const million = usage(1_000_000, 0, 0, 0);
  expect(estimateCostOfModelsUsd(new Map([['claude-opus-5-5', million], ['claude-haiku-4-5', million]]))).toBe(5);
  expect(estimateCostOfModelsUsd(new Map([['claude-opus-5-5', million], ['unknown', million]]))).toBeUndefined();
  expect(estimateCostOfModelsUsd(new Map())).toBeUndefined();
});
