// Finds every process of a run and ends it, whoever its parent is by then.
import { setTimeout as sleep } from 'node:timers/promises';
import { listProcesses, readsEnvironments, startedAtNow, startedInAll, startedWith } from './process-table.js';
import type { ProcessEntry } from './process-table.js';
import { RUN_MARK_ENV } from './run-mark.js';

export interface SweepOptions {
  /** The pid of the CLI. It counts while it carries the mark or is in `known`: the number may have been given to somebody else. */
  readonly rootPid?: number;
  /** Found earlier, by `findRunProcesses`: also finds those who have since lost their parents and never had the mark. */
  readonly known?: readonly ProcessEntry[];
  /** When to give up on processes that do not die (waiting for a disk, another user's). Default 10 s. */
  readonly timeoutMs?: number;
}

export interface SweepResult {
  /** Pids that were sent SIGKILL. */
  readonly killed: number[];
  /** Pids that still live although the time is over: empty when the last scan found nothing. */
  readonly left: number[];
}

const DEFAULT_TIMEOUT_MS = 10_000;
const BETWEEN_SCANS_MS = 10;
const ENOUGH_EMPTY_SCANS = 8;

/**
 * Every live process of a run: those with its mark in their environment, their descendants, and all in a session or process
 * group that one of them leads. The CLI gives each Bash command a session of its own, so its group is not enough.
 * Not found is only who sheds the mark, the session and the parent before the first look.
 * @throws RangeError on an empty mark
 */
export async function findRunProcesses(mark: string, options: Pick<SweepOptions, 'rootPid' | 'known'> = {}): Promise<ProcessEntry[]> {
  return (await scan(mark, options)).found;
}

interface Scan {
  readonly found: ProcessEntry[];
  /** False when some process did not show in that instant whether it carries the mark. */
  readonly sure: boolean;
}

async function scan(mark: string, options: SweepOptions): Promise<Scan> {
  if (mark === '') throw new RangeError('an empty mark would mean any run');
  const entries = await listProcesses();
  const spared = selfAndAncestors(entries);
  const others = entries.filter((entry) => !spared.has(entry.pid) && entry.pid > 1);
  const marked = await Promise.all(others.map((entry) => startedWith(entry, `${RUN_MARK_ENV}=${mark}`)));
  const known = new Set((options.known ?? []).map(identity));
  // Where environments cannot be read the caller's word must do.
  const rootPid = readsEnvironments ? undefined : options.rootPid;
  const seeds = others.filter((entry, index) => marked[index] === true || known.has(identity(entry)) || entry.pid === rootPid);
  return { found: withRelatives(seeds, others, options), sure: !marked.includes(undefined) };
}

/**
 * Sends SIGKILL to every process of a run and looks again, until it is sure that none is left. A process that starts its
 * successor and ends can slip through a scan; while nothing at all is started it cannot, so such an empty scan proves it.
 * On a machine that never rests, many empty scans in a row must do.
 */
export async function sweep(mark: string, options: SweepOptions = {}): Promise<SweepResult> {
  const deadline = performance.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const known = [...(options.known ?? [])];
  const killed = new Set<number>();
  for (let emptyScans = 0; ;) {
    const before = await startedInAll();
    const { found, sure } = await scan(mark, { ...options, known });
    emptyScans = found.length === 0 ? emptyScans + 1 : 0;
    const atRest = sure && before !== undefined && before === (await startedInAll());
    if (found.length === 0 && (atRest || emptyScans >= ENOUGH_EMPTY_SCANS)) return { killed: [...killed], left: [] };
    if (performance.now() > deadline) return { killed: [...killed], left: found.map((entry) => entry.pid) };
    for (const entry of found.filter(endNow)) killed.add(entry.pid);
    known.push(...found);
    await sleep(BETWEEN_SCANS_MS);
  }
}

/** Sends SIGKILL unless the pid belongs to another process by now. True when it was sent. */
function endNow(entry: ProcessEntry): boolean {
  if (readsEnvironments && startedAtNow(entry.pid) !== entry.startedAt) return false;
  try {
    return process.kill(entry.pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function withRelatives(seeds: readonly ProcessEntry[], others: readonly ProcessEntry[], { rootPid, known = [] }: SweepOptions): ProcessEntry[] {
  const members = new Map(seeds.map((entry) => [entry.pid, entry]));
  // A group or session keeps its number from being given away as long as somebody is in it: the number of a dead leader counts.
  const alive = new Map(others.map((entry) => [entry.pid, entry]));
  const deadLeaders = new Set([...known.map((entry) => entry.pid), ...(rootPid === undefined ? [] : [rootPid])].filter((pid) => !alive.has(pid)));
  const leads = (pid: number | undefined) => pid !== undefined && (members.has(pid) || deadLeaders.has(pid));
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const entry of others) {
      if (members.has(entry.parent) || leads(entry.group) || leads(entry.session)) members.set(entry.pid, entry);
    }
  }
  return [...members.values()];
}

function selfAndAncestors(entries: readonly ProcessEntry[]): Set<number> {
  const parents = new Map(entries.map((entry) => [entry.pid, entry.parent]));
  const spared = new Set<number>();
  for (let pid: number | undefined = process.pid; pid !== undefined && pid > 0 && !spared.has(pid); pid = parents.get(pid)) spared.add(pid);
  return spared;
}

function identity({ pid, startedAt }: ProcessEntry): string {
  return `${pid} ${startedAt}`;
}
