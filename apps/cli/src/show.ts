// `runyard show`: one run in full.
import type { Command } from 'commander';
import { connect } from './connection.js';
import { interruptible } from './context.js';
import type { Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import { outputOption, printOne } from './output.js';
import type { OutputFormat } from './output.js';
import { resolveRunId } from './run-ids.js';
import { runDetails } from './run-table.js';

/** Adds the command to the program. */
export function addShow(program: Command, finish: Finish): void {
  program
    .command('show')
    .summary('show one run')
    .description('Shows one run: its request, state, answer and price.')
    .argument('<id>', 'id of the run, a part of it, or: last')
    .addOption(outputOption())
    .action((id: string, options: { output?: OutputFormat }) =>
      finish(async (context) => {
        const { client } = await connect(context);
        return interruptible(context, async (signal) => {
          const run = await client.run(await resolveRunId(client, id, signal), { signal });
          printOne(context.stdout, options.output ?? 'table', run, { id: run.id, table: () => runDetails(run, context) });
          return EXIT.ok;
        });
      }),
    );
}
