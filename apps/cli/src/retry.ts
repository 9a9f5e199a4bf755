// `runyard retry`: runs that are over, once more.
import type { Run } from '@runyard/domain';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { parsePriority } from './option-parsers.js';
import { outputOption, printMany } from './output.js';
import type { OutputFormat } from './output.js';
import { resolveRunId } from './run-ids.js';
import { runTable } from './run-table.js';

interface RetryOptions {
  readonly model?: string;
  readonly priority?: number;
  readonly output?: OutputFormat;
}

/** Adds the command to the program. */
export function addRetry(program: Command, finish: Finish): void {
  program
    .command('retry')
    .summary('run again what is over')
    .description('Makes a new run with the same request for each, and prints their ids.')
    .argument('<id...>', 'ids of runs that are over, parts of them, or: last')
    .option('--model <name>', 'with another model')
    .option('--priority <n>', 'from -10 to 10; a higher number is taken sooner', parsePriority)
    .addOption(outputOption())
    .action((ids: string[], options: RetryOptions) => finish((context) => retry(context, ids, options)));
}

async function retry(context: Context, texts: readonly string[], { model, priority, output = 'id' }: RetryOptions): Promise<ExitCode> {
  const { client } = await connect(context);
  return interruptible(context, async (signal) => {
    const overrides = { ...(model === undefined ? {} : { model }), ...(priority === undefined ? {} : { priority }) };
    // First all ids: `last` must not mean what this very command has made.
    const ids: string[] = [];
    for (const text of texts) ids.push(await resolveRunId(client, text, signal));
    const runs: Run[] = [];
    for (const id of ids) runs.push(await client.retry(id, overrides, { signal }));
    printMany(context.stdout, output, runs, () => runTable(runs, context));
    const [run] = runs;
    if (run) hint(context, `Watch it: ${commandName(context)} logs -f ${run.id}`);
    return EXIT.ok;
  });
}
