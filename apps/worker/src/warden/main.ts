// The warden: ends `claude` processes whose lease is over or whose worker is gone. It outlives the worker by a moment.
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { sweep, TreeWatch } from '@runyard/claude/processes';
import { monotonicMs } from '../monotonic-clock.js';
import { WatchList } from './watch-list.js';
import type { Watched } from './watch-list.js';
import { decodeLines, encodeLine } from './warden-protocol.js';
import type { AboutMark, FromWarden, ToWarden } from './warden-protocol.js';

const CHECK_EVERY_MS = 100;
const TREE_EVERY_MS = 100;
// A process that does not die must not keep the others waiting; the next round tries it again.
const SWEEP_MS = 1000;
// A worker may be killed between fork and exec, when its child does not show the mark yet.
const QUIET_ROUNDS_AT_THE_END = 8;

const list = new WatchList();
/** What the watched processes have started, by mark: the worker notes it too, and may be killed. */
const trees = new Map<string, TreeWatch>();

function tell(message: FromWarden): void {
  process.stdout.write(encodeLine(message));
}

async function end(watched: Watched): Promise<number> {
  const known = trees.get(watched.mark)?.known() ?? [];
  const { killed } = await sweep(watched.mark, { timeoutMs: SWEEP_MS, known, ...(watched.pid === undefined ? {} : { rootPid: watched.pid }) });
  if (killed.length > 0) tell({ type: 'ended', mark: watched.mark, pids: killed });
  return killed.length;
}

function noteTree(message: AboutMark): void {
  const known = trees.get(message.mark);
  if (message.type === 'release') {
    known?.close();
    trees.delete(message.mark);
  } else if (message.type === 'process' && known === undefined) {
    const tree = new TreeWatch({ everyMs: TREE_EVERY_MS });
    trees.set(message.mark, tree);
    tree.watch(message.pid);
  }
}

async function endExpiredForEver(): Promise<never> {
  for (;;) {
    // First hear what was said until this moment, or a run that was renewed during a stop would be ended. The time is taken before
    // that: what comes to an end while we listen, as in a stop that falls just here, is looked at in the next round.
    const nowMs = monotonicMs();
    await nextTurn();
    await nextTurn();
    await Promise.all(list.expired(nowMs).map(end));
    await sleep(CHECK_EVERY_MS);
  }
}

async function endEverything(): Promise<void> {
  const watched = list.all();
  for (let quiet = 0; watched.length > 0 && quiet < QUIET_ROUNDS_AT_THE_END; quiet += 1) {
    const killed = await Promise.all(watched.map(end));
    if (killed.some((count) => count > 0)) quiet = 0;
    await sleep(CHECK_EVERY_MS);
  }
  const directories = watched.flatMap((one) => one.directories);
  await Promise.allSettled(directories.map((directory) => rm(directory, { recursive: true, force: true, maxRetries: 3 })));
}

// Whoever wants to end the warden ends the worker; then the pipe closes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.stdout.on('error', () => undefined);

void endExpiredForEver();
for await (const message of decodeLines<ToWarden>(process.stdin)) {
  if (message.type === 'ping') {
    tell({ type: 'pong' });
    continue;
  }
  list.take(message);
  noteTree(message);
  if (message.type === 'watch') tell({ type: 'watching', mark: message.mark });
}
await endEverything();
process.exit(0);
