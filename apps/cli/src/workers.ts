// `runyard workers`: who does the work.
import type { Worker } from '@runyard/domain';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import { outputOption, printMany } from './output.js';
import type { OutputFormat } from './output.js';
import { painter } from './style.js';
import type { Format } from './style.js';
import { renderTable } from './table.js';
import { formatAge } from './units.js';

/** Adds the command to the program. */
export function addWorkers(program: Command, finish: Finish): void {
  program
    .command('workers')
    .summary('list workers')
    .description('Lists the workers, also those that were lost not long ago.')
    .addOption(outputOption())
    .action((options: { output?: OutputFormat }) =>
      finish(async (context) => {
        const { client } = await connect(context);
        return interruptible(context, async (signal) => {
          const workers = await client.workers({ signal });
          printMany(context.stdout, options.output ?? 'table', workers, () => workerTable(workers, context));
          if (workers.length === 0) hint(context, 'There is no worker: runs stay in the queue until one starts.');
          return EXIT.ok;
        });
      }),
    );
}

const STATE_FORMAT: Readonly<Record<Worker['state'], Format>> = { ready: 'green', busy: 'cyan', draining: 'yellow', lost: 'red' };

function workerTable(workers: readonly Worker[], { stdout }: Context): string {
  const paint = painter(stdout);
  const nowMs = Date.now();
  return renderTable<Worker>(
    [
      { title: 'ID', text: (worker) => worker.id },
      { title: 'STATE', text: (worker) => worker.state, paint: (text, worker) => paint(STATE_FORMAT[worker.state] ?? 'dim', text) },
      { title: 'BUSY', text: (worker) => `${worker.busy}/${worker.capacity}` },
      { title: 'SEEN', text: (worker) => formatAge(worker.last_seen_at, nowMs) },
      { title: 'UP', text: (worker) => formatAge(worker.started_at, nowMs) },
      { title: 'CLAUDE', text: (worker) => worker.claude_version ?? 'missing' },
      { title: 'HOST', text: (worker) => `${worker.host} (${worker.pid})` },
    ],
    workers,
    { paint, width: stdout.columns ?? 200 },
  );
}
