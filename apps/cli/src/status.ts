// `runyard status`: how the whole service is.
import type { Status } from '@runyard/domain';
import type { Command } from 'commander';
import { connect } from './connection.js';
import type { Target } from './connection.js';
import { interruptible } from './context.js';
import type { Context, Finish } from './context.js';
import { EXIT } from './exit-codes.js';
import { outputOption, printOne } from './output.js';
import type { OutputFormat } from './output.js';
import { painter } from './style.js';
import type { Paint } from './style.js';
import { renderFields } from './table.js';
import { oneLine } from './text.js';
import { formatAge, formatUntil, plural } from './units.js';

/** Adds the command to the program. */
export function addStatus(program: Command, finish: Finish): void {
  program
    .command('status')
    .summary('show how the service is')
    .description('Shows how the service is: workers, queue, Redis.')
    .addOption(outputOption())
    .action((options: { output?: OutputFormat }) =>
      finish(async (context) => {
        const { client, target } = await connect(context);
        return interruptible(context, async (signal) => {
          const status = await client.status({ signal });
          printOne(context.stdout, options.output ?? 'table', status, { id: status.installation_id, table: () => statusText(status, target, context) });
          return EXIT.ok;
        });
      }),
    );
}

/** `3 waiting (2 quota, 1 recovery)` */
function waitingText({ runs, waiting_for }: Status): string {
  const parts = Object.entries(waiting_for).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`);
  return `${runs.waiting} waiting${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
}

/** Null while nothing refuses. */
function upstreamText({ upstreams }: Status, paint: Paint): string | null {
  const lines = upstreams
    .filter(({ state, waiting }) => state !== 'closed' || waiting > 0)
    .map(({ credential, state, kind, message, until, waiting }) => {
      const next = state === 'closed' ? 'answers again' : until === null ? 'is being asked again' : `is asked again ${formatUntil(until, Date.now())}`;
      return paint('yellow', `${kind ?? 'trouble'} (${credential}), ${next}, ${plural(waiting, 'run')} waiting: ${oneLine(message ?? '')}`);
    });
  return lines.length === 0 ? null : lines.join('\n');
}

function statusText(status: Status, target: Target, { stdout }: Context): string {
  const paint = painter(stdout);
  const { api, workers, runs, redis } = status;
  const idle = workers.total === 0 ? paint('red', 'none: nothing runs until one starts') : undefined;
  const states = (['ready', 'busy', 'draining', 'lost'] as const).filter((state) => workers[state] > 0).map((state) => `${workers[state]} ${state}`);
  const up = formatAge(new Date(Date.now() - status.uptime_seconds * 1000).toISOString(), Date.now());
  return renderFields(
    [
      ['server', `${target.url}, version ${oneLine(status.version)}, up ${up}`],
      // An older server does not tell.
      ['api', (api as Status['api'] | undefined) === undefined ? null : api.replicas === 1 ? '1 process' : `${api.replicas} processes`],
      ['model', status.demo ? paint('yellow', 'the offline demo model answers, not Claude') : null],
      ['workers', idle ?? `${states.join(', ')}; ${plural(workers.capacity, 'run')} at a time`],
      ['runs', `${runs.running} running, ${runs.queued} queued, ${waitingText(status)}`],
      ['model provider', upstreamText(status, paint)],
      ['queue', `${plural(status.queue.depth, 'run')} waiting${status.queue.paused ? paint('yellow', ', paused') : ''}`],
      ['viewers', String(status.viewers)],
      ['redis', `${oneLine(redis.version)}, ${(redis.used_memory_bytes / 1024 / 1024).toFixed(1)} MiB, ${redis.latency_ms.toFixed(1)} ms`],
    ],
    paint,
  );
}
