// `runyard recover`: what becomes of a run that waits for recovery.
import { RECOVER_ACTIONS } from '@runyard/domain';
import type { RecoverRun } from '@runyard/domain';
import { Argument } from 'commander';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { outputOption, printOne } from './output.js';
import type { OutputFormat } from './output.js';
import { resolveRunId } from './run-ids.js';
import { statusText } from './run-table.js';
import { painter, paintStatus } from './style.js';

type Action = RecoverRun['action'];

/** Adds the command to the program. */
export function addRecover(program: Command, finish: Finish): void {
  program
    .command('recover')
    .summary('decide on a run whose worker was lost')
    .description(
      'A run that waits for recovery lost its worker while something was under way of which nobody knows how it ended. resume goes on with the conversation and tells Claude to look first; restart begins again; abandon ends the run as failed.',
    )
    .argument('<id>', 'id of the run, a part of it, or: last')
    .addArgument(new Argument('<action>', 'what shall become of it').choices(RECOVER_ACTIONS))
    .addOption(outputOption())
    .action((id: string, action: Action, options: { output?: OutputFormat }) => finish((context) => recover(context, id, action, options.output)));
}

async function recover(context: Context, text: string, action: Action, output: OutputFormat = 'table'): Promise<ExitCode> {
  const { client } = await connect(context);
  return interruptible(context, async (signal) => {
    const run = await client.recover(await resolveRunId(client, text, signal), action, { signal });
    printOne(context.stdout, output, run, { id: run.id, table: () => `${run.id} ${paintStatus(painter(context.stdout), run.status, statusText(run))}\n` });
    if (action !== 'abandon') hint(context, `Watch it: ${commandName(context)} logs -f ${run.id}`);
    return EXIT.ok;
  });
}
