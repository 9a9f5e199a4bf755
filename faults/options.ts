// The command line of the fault tests.
import { parseArgs } from 'node:util';

export interface Options {
  /** Rows to run; all when undefined. */
  readonly rows: readonly number[] | undefined;
  /** First seed. */
  readonly from: number;
  /** How many cases of each row; undefined: as many as CI runs. */
  readonly n: number | undefined;
  /** How many stands at the same time. */
  readonly jobs: number;
  /** File that gets one line of JSON for each case. */
  readonly results: string;
}

export const USAGE = `npm run test:faults -- [--row 4[,7]] [--from 101] [--n 50] [--jobs 4] [--results file]
  --row      only these rows of the fault table; all by default
  --from     the first seed, 1 by default; seeds count up from there
  --n        how many cases of each row; by default what CI runs
  --jobs     how many installations at the same time, 4 by default
  --results  where one line of JSON for each case is appended`;

/** Throws TypeError or RangeError with a message for people. */
export function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { row: text, from: text, n: text, jobs: text, results: text } });
  return {
    rows: values.row?.split(',').map((row) => whole('row', row)),
    from: values.from === undefined ? 1 : whole('from', values.from),
    n: values.n === undefined ? undefined : whole('n', values.n),
    jobs: values.jobs === undefined ? 4 : whole('jobs', values.jobs),
    results: values.results ?? '.faults/results.ndjson',
  };
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1) throw new RangeError(`--${name} must be a whole number from 1, not "${text}"`);
  return Number(text);
}
