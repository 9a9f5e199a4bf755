// What a session has cost, as its transcript says it.
import { open } from 'node:fs/promises';
import { isObject, numberField } from './json-fields.js';

const BLOCK_BYTES = 256 * 1024;
/** Enough to hold the line that is looked for when a block boundary cuts it. */
const OVERLAP_BYTES = 64 * 1024;
const TYPE = 'cost-state';

/**
 * `totalCostUSD` of the last `cost-state` line: what a process that resumes this session counts on from (measured, 2.1.330). The
 * CLI writes it when it exits, not with each result: a killed process leaves none, and its successor counts from the line before, or from 0.
 * @param path the `.jsonl` of the session @returns undefined when there is no such line or no file
 */
export async function transcriptCost(path: string): Promise<number | undefined> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    for (let end = (await file.stat()).size; end > 0;) {
      const start = Math.max(0, end - BLOCK_BYTES);
      const block = Buffer.alloc(end - start);
      await file.read(block, 0, block.length, start);
      // The first line of a block may be cut: the next block overlaps this one.
      const cost = lastCost(block.toString('utf8', start === 0 ? 0 : block.indexOf('\n') + 1));
      if (cost !== undefined) return cost;
      end = start === 0 ? 0 : start + OVERLAP_BYTES;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

function lastCost(text: string): number | undefined {
  const lines = text.split('\n').filter((line) => line.includes(`"${TYPE}"`));
  return lines.map(costOf).findLast((cost) => cost !== undefined);
}

/** A torn line has no cost, and neither has one that only speaks of costs. */
function costOf(line: string): number | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && value['type'] === TYPE ? numberField(value, 'totalCostUSD') : undefined;
  } catch {
    return undefined;
  }
}
