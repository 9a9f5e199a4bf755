// `runyard wait`: until runs are over.
import { isTerminal } from '@runyard/domain';
import type { Run } from '@runyard/domain';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { parseSeconds } from './option-parsers.js';
import { outputOption, printOne } from './output.js';
import type { OutputFormat } from './output.js';
import { resolveRunId } from './run-ids.js';
import { painter, paintStatus } from './style.js';
import { undecidedHint } from './undecided-hint.js';
import { untilTerminal } from './until-terminal.js';

interface WaitOptions {
  readonly timeout?: number;
  readonly output?: OutputFormat;
}

/** Adds the command to the program. */
export function addWait(program: Command, finish: Finish): void {
  program
    .command('wait')
    .summary('wait until runs are over')
    .description('Waits until all the runs are over and prints how each ended. Exit code: 0 when all succeeded, 1 when not, 124 when time ran out.')
    .argument('<id...>', 'ids of runs, parts of them, or: last')
    .option('--timeout <time>', 'wait no longer than this: 90, 15m, 2h', parseSeconds)
    .addOption(outputOption())
    .action((ids: string[], options: WaitOptions) => finish((context) => wait(context, ids, options)));
}

async function wait(context: Context, texts: readonly string[], options: WaitOptions): Promise<ExitCode> {
  const { client } = await connect(context);
  const deadlineMs = options.timeout === undefined ? Infinity : performance.now() + options.timeout * 1000;
  const paint = painter(context.stdout);
  return interruptible(context, async (signal) => {
    const tellOnce = undecidedHint(context);
    const ids = await Promise.all(texts.map((text) => resolveRunId(client, text, signal)));
    const runs = await Promise.all(
      [...new Set(ids)].map(async (id) => {
        const run = await untilTerminal(client, await client.run(id, { signal }), { signal, deadlineMs, onWaiting: tellOnce });
        if (isTerminal(run.status)) {
          printOne(context.stdout, lineFormat(options.output), run, { id: run.id, table: () => `${run.id} ${paintStatus(paint, run.status)}\n` });
        }
        return run;
      }),
    );
    return exitCodeOf(context, runs);
  });
}

// Each run is printed when it ends; several indented objects in a row would be no JSON.
function lineFormat(format: OutputFormat = 'table'): OutputFormat {
  return format === 'json' ? 'ndjson' : format;
}

function exitCodeOf(context: Context, runs: readonly Run[]): ExitCode {
  const live = runs.filter((run) => !isTerminal(run.status));
  for (const run of live) hint(context, `Time is over: ${run.id} is still ${run.status}. Watch it: ${commandName(context)} logs -f ${run.id}`);
  if (live.length > 0) return EXIT.timedOut;
  return runs.every((run) => run.status === 'succeeded') ? EXIT.ok : EXIT.failed;
}
