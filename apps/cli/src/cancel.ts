// `runyard cancel`: ends runs.
import { isTerminal } from '@runyard/domain';
import type { Run } from '@runyard/domain';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { explainError } from './explain-error.js';
import { outputOption, printMany } from './output.js';
import type { OutputFormat } from './output.js';
import { printError } from './print-error.js';
import { resolveRunId } from './run-ids.js';
import { painter, paintStatus } from './style.js';

/** Adds the command to the program. */
export function addCancel(program: Command, finish: Finish): void {
  program
    .command('cancel')
    .alias('kill')
    .summary('end runs')
    .description('Ends runs. One that waits in the queue ends at once, one that runs within a few seconds.')
    .argument('<id...>', 'ids of runs, parts of them, or: last')
    .addOption(outputOption())
    .action((ids: string[], options: { output?: OutputFormat }) => finish((context) => cancel(context, ids, options.output)));
}

async function cancel(context: Context, texts: readonly string[], output: OutputFormat = 'table'): Promise<ExitCode> {
  const { client, target } = await connect(context);
  return interruptible(context, async (signal) => {
    const runs: Run[] = [];
    let exitCode: ExitCode = EXIT.ok;
    for (const text of texts) {
      try {
        runs.push(await client.cancel(await resolveRunId(client, text, signal), { signal }));
      } catch (error) {
        // One that is not there must not keep the others running.
        const explanation = explainError(error, context, target);
        if (explanation.exitCode !== EXIT.notFound) throw error;
        printError(context, explanation);
        exitCode = EXIT.notFound;
      }
    }
    const paint = painter(context.stdout);
    printMany(context.stdout, output, runs, () => runs.map((run) => `${run.id} ${paintStatus(paint, run.status, stateText(run))}\n`).join(''));
    for (const run of runs) if (isTerminal(run.status) && run.status !== 'canceled') hint(context, `${run.id} was over already.`);
    return exitCode;
  });
}

function stateText(run: Run): string {
  return isTerminal(run.status) ? run.status : 'canceling';
}
