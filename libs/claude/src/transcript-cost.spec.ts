// The price of a session is read from the end of its transcript, whatever surrounds it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { transcriptCost } from './transcript-cost.js';

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterAll(() => directory.remove());

const cost = (totalCostUSD: unknown) => `${JSON.stringify({ type: 'cost-state', sessionId: 's', totalCostUSD })}\n`;
const other = (kilobytes: number) => `${JSON.stringify({ type: 'user', text: '\n{"type":"cost-state","totalCostUSD":9}'.padEnd(kilobytes * 1024, 'é') })}\n`;
const costOf = (...parts: string[]) => {
  const path = join(directory.path, 'transcript.jsonl');
  writeFileSync(path, parts.join(''));
  return transcriptCost(path);
};

test('the last one counts, also when much follows it', async () => {
  expect(await costOf(other(1), cost(0.5), other(1), cost(0.75), other(1))).toBe(0.75);
  expect(await costOf(cost(0.25), other(200), other(900))).toBe(0.25);
});

test('a line that a block boundary cuts is found, wherever it lies', async () => {
  for (const before of [255.9, 256, 256.02, 511.8, 512]) expect(await costOf(other(3), cost(0.125), `${'x'.repeat(Math.round(before * 1024))}\n`), `${before} KiB after it`).toBe(0.125);
});

test('the order of its fields does not matter; an entry of another type that holds one does not count', async () => {
  const turned = `${JSON.stringify({ totalCostUSD: 0.375, type: 'cost-state' })}\n`;
  const quoting = `${JSON.stringify({ type: 'user', toolUseResult: { type: 'cost-state', totalCostUSD: 7 }, totalCostUSD: 8 })}\n`;
  expect(await costOf(turned, quoting)).toBe(0.375);
});

test('a torn last line and lines without a number do not count', async () => {
  expect(await costOf(cost(0.5), cost('much'), '{"type":"cost-state","totalCostUSD":0.9')).toBe(0.5);
});

test('nothing to read: undefined', async () => {
  expect(await costOf(other(1))).toBeUndefined();
  expect(await costOf()).toBeUndefined();
  expect(await transcriptCost(join(directory.path, 'missing.jsonl'))).toBeUndefined();
});
