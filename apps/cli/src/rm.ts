// `runyard rm`: forgets runs.
import type { Command } from 'commander';
import { connect } from './connection.js';
import { interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { explainError } from './explain-error.js';
import { printError } from './print-error.js';
import { resolveRunId } from './run-ids.js';

/** Adds the command to the program. */
export function addRm(program: Command, finish: Finish): void {
  program
    .command('rm')
    .summary('forget runs')
    .description('Forgets runs that are over, with their output and files. Prints the ids of those that are forgotten.')
    .argument('<id...>', 'ids of runs, or parts of them')
    .action((ids: string[]) => finish((context) => rm(context, ids)));
}

async function rm(context: Context, texts: readonly string[]): Promise<ExitCode> {
  const { client, target } = await connect(context);
  return interruptible(context, async (signal) => {
    let exitCode: ExitCode = EXIT.ok;
    for (const text of texts) {
      try {
        const id = await resolveRunId(client, text, signal);
        await client.deleteRun(id, { signal });
        context.stdout.write(`${id}\n`);
      } catch (error) {
        // One that lives or is not there must not keep the others.
        const explanation = explainError(error, context, target);
        if (explanation.exitCode !== EXIT.notFound && explanation.exitCode !== EXIT.failed) throw error;
        printError(context, explanation);
        exitCode = explanation.exitCode;
      }
    }
    return exitCode;
  });
}
