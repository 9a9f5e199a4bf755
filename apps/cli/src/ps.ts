// `runyard ps`: the runs.
import type { ApiClient, RunsQuery } from '@runyard/api-client';
import { RUN_STATUSES, TERMINAL_STATUSES } from '@runyard/domain';
import type { Run, RunStatus } from '@runyard/domain';
import { Option } from 'commander';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { parseWholeNumber } from './option-parsers.js';
import { outputOption, printMany } from './output.js';
import type { OutputFormat } from './output.js';
import { runTable } from './run-table.js';

interface PsOptions {
  readonly all?: boolean;
  readonly quiet?: boolean;
  readonly status?: RunStatus;
  readonly tag?: string;
  readonly number: number;
  readonly output?: OutputFormat;
}

const LIVE_STATUSES = RUN_STATUSES.filter((status) => !TERMINAL_STATUSES.some((terminal) => terminal === status));

/** Adds the command to the program. */
export function addPs(program: Command, finish: Finish): void {
  program
    .command('ps')
    .alias('ls')
    .summary('list runs')
    .description('Lists the runs that are not over yet, newest first.')
    .option('-a, --all', 'also those that are over')
    .option('-q, --quiet', 'print ids only')
    .addOption(new Option('-s, --status <status>', 'only runs in this state').choices(RUN_STATUSES))
    .option('-t, --tag <tag>', 'only runs with this tag')
    .option('-n, --number <n>', 'print at most so many', parseWholeNumber, 20)
    .addOption(outputOption())
    .action((options: PsOptions) => finish((context) => ps(context, options)));
}

async function ps(context: Context, options: PsOptions): Promise<ExitCode> {
  const { client } = await connect(context);
  return interruptible(context, async (signal) => {
    const statuses = options.status ? [options.status] : options.all ? [undefined] : LIVE_STATUSES;
    const lists = await Promise.all(statuses.map((status) => firstRuns(client, { status, tag: options.tag, signal }, options.number)));
    const runs = lists.flat().toSorted((a, b) => (a.created_at === b.created_at ? (a.id < b.id ? 1 : -1) : a.created_at < b.created_at ? 1 : -1));
    printMany(context.stdout, options.quiet ? 'id' : (options.output ?? 'table'), runs.slice(0, options.number), () => runTable(runs.slice(0, options.number), context));
    if (runs.length === 0 && !options.quiet) hint(context, emptyHint(context, options));
    return EXIT.ok;
  });
}

async function firstRuns(client: ApiClient, query: RunsQuery, count: number): Promise<Run[]> {
  const runs: Run[] = [];
  if (count === 0) return runs;
  for await (const run of client.runs({ ...query, limit: Math.min(count, 100) })) {
    runs.push(run);
    if (runs.length === count) break;
  }
  return runs;
}

function emptyHint(context: Context, { all, status, tag }: PsOptions): string {
  const name = commandName(context);
  if (tag !== undefined) return all || status ? 'No such run has this tag.' : `No live run has this tag. Runs that are over: ${name} ps -a --tag …`;
  if (status) return `No run is ${status}.`;
  return all ? `No runs yet. Try: ${name} submit --follow "What is in this directory?" --here` : `Nothing is running. Runs that are over: ${name} ps -a`;
}
