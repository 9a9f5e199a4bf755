// Ends what dead workers of this machine have left, for the case that their wardens died with them.
import { lstat, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startedAtNow, sweep } from '@runyard/claude';
import { ownIdentity, readRecord, RECORD_PREFIX } from './watch-records.js';
import type { WatchRecord } from './watch-records.js';

export interface OrphansOptions {
  /** Where the records are. Default: the directory for temporary files. */
  readonly directory?: string;
  /** The processes of a dead worker's run were ended, or it had none any more, and its directories were removed. */
  readonly onEnded: (mark: string, pids: readonly number[]) => void;
  readonly onError: (error: unknown) => void;
}

/** Well within the time from the death of a worker to the end of its leases. */
const EVERY_MS = 4000;
const SWEEP_MS = 5000;
/** A process between fork and exec does not show its mark. */
const BEFORE_THE_SECOND_LOOK_MS = 300;
/** Records of a process that cannot be seen from here are touched every 15 s as long as it lives. */
const FORGOTTEN_AFTER_MS = 120_000;

/**
 * Looks at every record in the directory; those of dead workers are acted on and removed. Only our own user's files count,
 * and only directories right beside the records whose names are ours: everyone may write to the directory for temporary files.
 */
export async function endOrphans({ directory = tmpdir(), onEnded }: Omit<OrphansOptions, 'onError'>): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(RECORD_PREFIX) || !name.endsWith('.json')) continue;
    const path = join(directory, name);
    const record = await abandoned(path);
    if (record === undefined) continue;
    const killed = await endMark(record.mark);
    if (killed === undefined) continue;
    const ours = record.directories.filter((one) => dirname(one) === directory && basename(one).startsWith('runyard-'));
    for (const one of [...ours, path]) await rm(one, { recursive: true, force: true, maxRetries: 3 });
    onEnded(record.mark, killed);
  }
}

/** Goes on looking as long as this worker lives; the answer stops it. */
export function watchForOrphans(options: OrphansOptions): () => void {
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    await endOrphans(options).catch(options.onError);
    looking = false;
  };
  const timer = setInterval(() => void look(), EVERY_MS).unref();
  return () => clearInterval(timer);
}

async function abandoned(path: string): Promise<WatchRecord | undefined> {
  const file = await lstat(path).catch(() => undefined);
  if (file === undefined || !file.isFile() || (process.getuid !== undefined && file.uid !== process.getuid())) return undefined;
  const record = readRecord(path);
  return record !== undefined && isDead(record, Date.now() - file.mtimeMs) ? record : undefined;
}

function isDead(record: WatchRecord, untouchedMs: number): boolean {
  const own = ownIdentity();
  // Another machine shares our files: its processes are its own affair.
  if (record.host !== own.host) return false;
  // An earlier life of this container, or a neighbour of the same name.
  if (record.pidNamespace !== own.pidNamespace) return untouchedMs > FORGOTTEN_AFTER_MS;
  return !lives(record);
}

function lives({ pid, startedAt }: WatchRecord): boolean {
  if (startedAt !== '') return startedAtNow(pid) === startedAt;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** What was killed, or undefined when something of it lives on, or may. */
async function endMark(mark: string): Promise<number[] | undefined> {
  const first = await sweep(mark, { timeoutMs: SWEEP_MS });
  await sleep(BEFORE_THE_SECOND_LOOK_MS);
  const second = await sweep(mark, { timeoutMs: SWEEP_MS });
  return second.left?.length === 0 ? [...first.killed, ...second.killed] : undefined;
}
