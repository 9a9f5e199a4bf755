// `runyard workers`: who does the work.
import { commandSetting } from '@runyard/config';
import type { Worker } from '@runyard/domain';
import type { Command } from 'commander';
import { connect } from './connection.js';
import { commandName, hint, interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT, Refusal } from './exit-codes.js';
import { outputOption, printMany } from './output.js';
import type { OutputFormat } from './output.js';
import { painter } from './style.js';
import type { Format } from './style.js';
import { renderTable } from './table.js';
import { oneLine } from './text.js';
import { formatAge, plural } from './units.js';

/** Adds the command to the program. */
export function addWorkers(program: Command, finish: Finish): void {
  const command = program
    .command('workers')
    .summary('list workers, or let one take no more runs')
    .description('Lists the workers, also those that were lost not long ago.');
  addDrain(command, finish);
  command
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

function addDrain(workers: Command, finish: Finish): void {
  workers
    .command('drain')
    .summary('let a worker take no more runs')
    .description('The worker finishes what it has and takes no more runs until its process is started again. This cannot be taken back.')
    .argument('<id>', 'id of the worker, or the end of it')
    .action((text: string) =>
      finish(async (context) => {
        const { client } = await connect(context);
        return interruptible(context, async (signal) => {
          const fitting = (await client.workers({ signal })).filter(({ id }) => id === text || (text.length >= 4 && id.endsWith(text)));
          const [worker] = fitting;
          if (!worker || fitting.length > 1) throw new Refusal(EXIT.notFound, `"${oneLine(text)}" is ${worker ? 'more than one' : 'no'} worker.`, `See: ${commandName(context)} workers`);
          const drained = await client.drainWorker(worker.id, { signal });
          context.stdout.write(`${drained.id} ${drained.state}\n`);
          if (drained.busy > 0) hint(context, `It still has ${plural(drained.busy, 'run')}.`);
          hint(context, howToGoOn(drained, context));
          return EXIT.ok;
        });
      }),
    );
}

/** In a container the host is the id of that container. */
function howToGoOn({ host, pid }: Worker, { env }: Context): string {
  const again = commandSetting(env) === undefined ? `on ${oneLine(host)}: kill ${pid}   (npm start and service managers start it again)` : `docker restart ${oneLine(host)}`;
  return `It stays and takes nothing, which cannot be taken back. To have a worker there again, ${again}`;
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
