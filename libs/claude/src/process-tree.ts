// Finds every process of a run and ends it, whoever its parent is by then.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { listProcesses, newestPid, READS_PER_TURN, readsEnvironments, startedAtNow, startedWith } from './process-table.js';
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
  /** Pids that still live although the time is over: empty when the last scan found nothing. Undefined when no scan could tell before the time was over: try again. */
  readonly left: number[] | undefined;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const BETWEEN_SCANS_MS = 10;
const ENOUGH_EMPTY_SCANS = 5;
const MAX_NEWCOMERS = 10_000;
const MAX_ROUNDS = 1_000;

/**
 * Every live process of a run: those with its mark in their environment, their descendants, all in a process group that one
 * of them leads, and all in a session of one of them, unless somebody else leads it. The CLI gives each Bash command a session of its own.
 * Not found is only who sheds the mark and the parent, and shares its session with nobody that has them.
 * @throws RangeError on an empty mark
 */
export async function findRunProcesses(mark: string, options: Pick<SweepOptions, 'rootPid' | 'known'> = {}): Promise<ProcessEntry[]> {
  return (await scan(mark, options)).found;
}

interface Scan {
  readonly found: ProcessEntry[];
  /** True when no process of the run can have slipped through. */
  readonly complete: boolean;
}

async function scan(mark: string, options: SweepOptions): Promise<Scan> {
  if (mark === '') throw new RangeError('an empty mark would mean any run');
  const entry = `${RUN_MARK_ENV}=${mark}`;
  const newest = newestPid();
  const entries = await listProcesses();
  const spared = selfAndAncestors(entries);
  const others = entries.filter(({ pid }) => !spared.has(pid) && pid > 1);
  const marked: (boolean | undefined)[] = [];
  for (const { pid } of others) {
    if (marked.length % READS_PER_TURN === 0) await nextTurn();
    marked.push(startedWith(pid, entry));
  }
  const known = new Set((options.known ?? []).map(identity));
  // Where environments cannot be read the caller's word must do.
  const rootPid = readsEnvironments ? undefined : options.rootPid;
  const seeds = others.filter((other, index) => marked[index] === true || known.has(identity(other)) || other.pid === rootPid);
  const foreignSessions = new Set(entries.filter(({ pid }) => spared.has(pid) || pid <= 1).map(({ session }) => session));
  return { found: withRelatives(seeds, others, foreignSessions, options), complete: !marked.includes(undefined) && noneSince(newest, entry) };
}

/**
 * A process that starts its successor and ends can be gone before its turn in a scan, while the successor was not in the list.
 * So the pids given away since are looked at too, until there are no newer ones: at that moment every live process was looked at.
 */
function noneSince(newest: number | undefined, entry: string): boolean {
  if (newest === undefined) return false;
  for (let looked = newest, round = 0; round < MAX_ROUNDS; round += 1) {
    const latest = newestPid() ?? looked;
    if (latest === looked) return true;
    // Smaller: the numbers have begun again.
    if (latest < looked || latest - looked > MAX_NEWCOMERS) return false;
    for (let pid = looked + 1; pid <= latest; pid += 1) {
      if (startedWith(pid, entry) !== false) return false;
    }
    looked = latest;
  }
  return false;
}

/**
 * Sends SIGKILL to every process of a run and looks again, until a complete scan finds none. Where there
 * is no /proc no scan can be called complete, and several empty ones in a row must do.
 */
export async function sweep(mark: string, options: SweepOptions = {}): Promise<SweepResult> {
  const deadline = performance.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const known = [...(options.known ?? [])];
  const killed = new Set<number>();
  for (let emptyScans = 0; ;) {
    const { found, complete } = await scan(mark, { ...options, known });
    emptyScans = found.length === 0 ? emptyScans + 1 : 0;
    if (complete ? found.length === 0 : !readsEnvironments && emptyScans >= ENOUGH_EMPTY_SCANS) return { killed: [...killed], left: [] };
    if (performance.now() > deadline) return { killed: [...killed], left: found.length === 0 ? undefined : found.map((entry) => entry.pid) };
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

function withRelatives(seeds: readonly ProcessEntry[], others: readonly ProcessEntry[], foreignSessions: ReadonlySet<number | undefined>, { rootPid, known = [] }: SweepOptions): ProcessEntry[] {
  const members = new Map(seeds.map((entry) => [entry.pid, entry]));
  // A group or session keeps its number from being given away as long as somebody is in it: the number of a dead leader counts.
  const alive = new Map(others.map((entry) => [entry.pid, entry]));
  const deadLeaders = new Set([...known.map((entry) => entry.pid), ...(rootPid === undefined ? [] : [rootPid])].filter((pid) => !alive.has(pid)));
  const leads = (pid: number | undefined) => pid !== undefined && (members.has(pid) || deadLeaders.has(pid));
  // The CLI begins a session of its own: whoever shares one with a process of the run came from the run, also when its leader is dead.
  const sessions = new Set<number>();
  const isInside = ({ session }: ProcessEntry) => session !== undefined && sessions.has(session);
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const { session } of members.values()) {
      if (session !== undefined && !foreignSessions.has(session) && (members.has(session) || !alive.has(session))) sessions.add(session);
    }
    for (const entry of others) {
      if (members.has(entry.parent) || leads(entry.group) || leads(entry.session) || isInside(entry)) members.set(entry.pid, entry);
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
