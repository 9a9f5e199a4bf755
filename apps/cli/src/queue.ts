// `runyard queue`: what waits, and whether it is given out.
import type { QueueState } from '@runyard/domain';
import { Argument } from 'commander';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import { outputOption, printOne } from './output.js';
import type { OutputFormat } from './output.js';
import { painter } from './style.js';
import { renderFields } from './table.js';
import { formatDuration, plural } from './units.js';

const CHANGES = ['pause', 'resume'] as const;

/** Adds the command to the program. */
export function addQueue(program: Command, finish: Finish): void {
  program
    .command('queue')
    .summary('show, pause or resume the queue')
    .description('Shows what waits for a worker. Paused, nothing new is started; what runs goes on.')
    .addArgument(new Argument('[change]', 'what to do to it').choices(CHANGES))
    .addOption(outputOption())
    .action((change: (typeof CHANGES)[number] | undefined, options: { output?: OutputFormat }) =>
      finish(async (context) => {
        const { client } = await connect(context);
        return interruptible(context, async (signal) => {
          const queue = await client.queue(change, { signal });
          printOne(context.stdout, options.output ?? 'table', queue, { id: queue.paused ? 'paused' : 'open', table: () => queueText(queue, context) });
          if (queue.paused && change === undefined) hint(context, `Give runs out again: ${commandName(context)} queue resume`);
          return EXIT.ok;
        });
      }),
    );
}

function queueText(queue: QueueState, { stdout }: Context): string {
  const paint = painter(stdout);
  const wait = queue.oldest_wait_seconds;
  return renderFields(
    [
      ['queue', queue.paused ? paint('yellow', 'paused: no worker takes a run') : 'open'],
      ['waiting', plural(queue.depth, 'run')],
      ['longest', wait === null ? null : formatDuration(wait * 1000)],
    ],
    paint,
  );
}
