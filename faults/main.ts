// npm run test:faults: breaks real installations in every way of the table, with seeds, and counts what was promised and not kept.
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { INVARIANTS } from './checker.ts';
import type { Options } from './options.ts';
import { readOptions, USAGE } from './options.ts';
import { broken } from './row.ts';
import type { CaseResult, Row } from './row.ts';
import { rows } from './rows/all-rows.ts';

interface Batch {
  readonly row: Row;
  readonly seeds: readonly number[];
}

interface Tally {
  n: number;
  violations: number;
  seconds: number;
}

/** What a batch comes to; a stand that broke is a violation of its own. */
async function perform({ row, seeds }: Batch): Promise<CaseResult[]> {
  try {
    return await row.perform(seeds);
  } catch (error) {
    return seeds.map((seed, index) => broken(seed, index === 0 ? error : `as seed ${seeds[0]}: they share a stand`));
  }
}

function report({ row }: Batch, result: CaseResult): void {
  const { seed, note, violations } = result;
  console.log(`row ${row.number} seed ${seed} ${violations.length === 0 ? 'ok' : 'VIOLATED'}: ${note}`);
  for (const { invariant, what } of violations) console.log(`    ${invariant} (${INVARIANTS[invariant]}): ${what}`);
  if (violations.length > 0) console.log(`    again: npm run test:faults -- --row ${row.number} --from ${seed} --n 1`);
}

async function keep(path: string, { row }: Batch, result: CaseResult): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await appendFile(path, `${JSON.stringify({ at: new Date().toISOString(), row: row.number, title: row.title, ...result })}\n`);
}

function batchesOf({ rows: wanted, from, n }: Options): Batch[] {
  return rows
    .filter((row) => wanted?.includes(row.number) ?? true)
    .flatMap((row) => {
      const seeds = Array.from({ length: n ?? row.ci }, (_, index) => from + index);
      return Array.from({ length: Math.ceil(seeds.length / row.together) }, (_, index) => ({ row, seeds: seeds.slice(index * row.together, (index + 1) * row.together) }));
    });
}

async function main(options: Options): Promise<number> {
  const batches = batchesOf(options);
  const tallies = new Map<Row, Tally>();
  const work = async (): Promise<void> => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      const startedAt = performance.now();
      const results = await perform(batch);
      const tally = tallies.get(batch.row) ?? { n: 0, violations: 0, seconds: 0 };
      tallies.set(batch.row, tally);
      tally.seconds += (performance.now() - startedAt) / 1000;
      for (const result of results) {
        tally.n += 1;
        tally.violations += result.violations.length;
        report(batch, result);
        await keep(options.results, batch, result);
      }
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return table(tallies);
}

/** Prints the table; answers the number of violations. */
function table(tallies: ReadonlyMap<Row, Tally>): number {
  console.log('\n row  n     violations  s     fault');
  for (const [row, { n, violations, seconds }] of [...tallies].toSorted(([one], [two]) => one.number - two.number)) {
    console.log(` ${String(row.number).padEnd(4)} ${String(n).padEnd(5)} ${String(violations).padEnd(11)} ${seconds.toFixed(0).padEnd(5)} ${row.title}`);
  }
  const all = [...tallies.values()];
  const violations = all.reduce((sum, tally) => sum + tally.violations, 0);
  console.log(`\n${all.reduce((sum, tally) => sum + tally.n, 0)} cases, ${violations} violations`);
  return violations;
}

function optionsOrExit(): Options {
  try {
    const options = readOptions(process.argv.slice(2));
    if (batchesOf(options).length === 0) throw new RangeError(`there is no row ${options.rows?.join(', ')}`);
    return options;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

const violations = await main(optionsOrExit());
process.exit(violations === 0 ? 0 : 1);
