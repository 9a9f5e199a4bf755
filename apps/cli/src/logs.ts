// `runyard logs`: what a run did, and does.
import type { ApiClient } from '@runyard/api-client';
import { isTerminal } from '@runyard/domain';
import type { Run } from '@runyard/domain';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT, Interrupted } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { followRun, showHistory } from './follow-run.js';
import { outputOption } from './output.js';
import type { OutputFormat } from './output.js';
import { resolveRunId } from './run-ids.js';
import { detachedText } from './submit.js';
import { visible } from './text.js';

interface LogsOptions {
  readonly follow?: boolean;
  readonly raw?: boolean;
  readonly output?: OutputFormat;
}

/** Adds the command to the program. */
export function addLogs(program: Command, finish: Finish): void {
  program
    .command('logs')
    .summary('show what a run did')
    .description('Shows what a run did so far. With -f it goes on until the run is over; Ctrl-C stops watching, not the run.')
    .argument('<id>', 'id of the run, a part of it, or: last')
    .option('-f, --follow', 'go on until the run is over')
    .option('--raw', "the lines of the Claude CLI, unchanged; of a live run until it is over")
    .addOption(outputOption())
    .action((id: string, options: LogsOptions) => finish((context) => logs(context, id, options)));
}

async function logs(context: Context, id: string, options: LogsOptions): Promise<ExitCode> {
  const { client } = await connect(context);
  return interruptible(context, async (signal) => {
    const run = await client.run(await resolveRunId(client, id, signal), { signal });
    try {
      if (options.raw) return await printRaw(context, client, run, signal);
      if (options.follow) return await followRun(context, { client, run, format: options.output ?? 'table', signal });
    } catch (error) {
      if (!(error instanceof Interrupted) || isTerminal(run.status)) throw error;
      context.stderr.write(detachedText(context, run));
      return EXIT.interrupted;
    }
    await showHistory(context, { client, run, format: options.output ?? 'table', signal });
    if (!isTerminal(run.status)) hint(context, `The run is ${run.status}. Go on watching: ${commandName(context)} logs -f ${run.id}`);
    return EXIT.ok;
  });
}

async function printRaw({ stdout }: Context, client: ApiClient, run: Run, signal: AbortSignal): Promise<ExitCode> {
  const decoder = new TextDecoder();
  for await (const line of client.rawLines(run.id, { signal })) {
    // A file or pipe gets the bytes; a terminal must not obey them.
    stdout.write(stdout.isTTY ? visible(decoder.decode(line)) : line);
    stdout.write('\n');
  }
  return EXIT.ok;
}
