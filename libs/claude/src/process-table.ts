// The processes of this machine: who started whom, and since when. Linux through /proc, elsewhere through ps.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Undefined where ps does not tell it. */
  readonly session: number | undefined;
  /** When it started, in whatever the system counts: together with the pid it names one process for ever. */
  readonly startedAt: string;
}

const run = promisify(execFile);
const usesProc = process.platform === 'linux';
const NUL = Buffer.of(0);
/** kthreadd. */
const KERNEL_THREADS = 2;
/** Files of /proc read before the event loop gets its turn: about a millisecond. Reading them through promises costs five times as much. */
export const READS_PER_TURN = 32;

/** All live programs. Left out are zombies, which can neither run nor be ended, and the kernel's own threads. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  return usesProc ? await listFromProc() : await listFromPs();
}

/** The start time of a process right now, or undefined when it is gone: read just before a signal is sent. */
export function startedAtNow(pid: number): string | undefined {
  return entryNow(pid)?.startedAt;
}

/** One process right now, or undefined when it is gone. Linux only: elsewhere there is nothing as quick, and the answer is undefined. */
export function entryNow(pid: number): ProcessEntry | undefined {
  if (!usesProc) return undefined;
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/**
 * Does the environment that a process was started with hold exactly `entry` (`NAME=value`)? Undefined for an instant while it
 * is replaced by another program: then it shows neither environment nor command line. Linux only: false elsewhere.
 */
export function startedWith(pid: number, entry: string): boolean | undefined {
  if (!usesProc) return false;
  let environment = readNow(pid, 'environ');
  if (environment?.length === 0) {
    if (readNow(pid, 'cmdline')?.length === 0) return undefined;
    // It may have become the other program between the two looks.
    environment = readNow(pid, 'environ');
  }
  return environment !== undefined && Buffer.concat([NUL, environment, NUL]).includes(`\0${entry}\0`);
}

/** The pid given away last. Pids are given away in ascending order, until the numbers begin again; undefined where nobody tells. */
export function newestPid(): number | undefined {
  if (!usesProc) return undefined;
  const pid = Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1));
  return Number.isInteger(pid) ? pid : undefined;
}

/** Processes of other users cannot be read, and some have just ended: undefined. */
function readNow(pid: number, file: 'environ' | 'cmdline' | 'stat'): Buffer | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`);
  } catch {
    return undefined;
  }
}

/** True where `startedWith` can know. */
export const readsEnvironments = usesProc;

async function listFromProc(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries: ProcessEntry[] = [];
  for (const [index, pid] of pids.entries()) {
    if (index % READS_PER_TURN === 0) await nextTurn();
    const entry = parseStat(readNow(Number(pid), 'stat')?.toString('latin1') ?? '');
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/** `pid (name) state ppid pgrp session … starttime`: the name may hold spaces and brackets, so count from the last bracket. */
function parseStat(stat: string): ProcessEntry | undefined {
  const bracket = stat.lastIndexOf(')');
  const fields = stat.slice(bracket + 2).split(' ');
  const [state, parent, group, session] = fields;
  const startedAt = fields[19];
  if (bracket === -1 || startedAt === undefined || state === 'Z' || state === 'X') return undefined;
  const pid = Number.parseInt(stat, 10);
  if (pid === KERNEL_THREADS || Number(parent) === KERNEL_THREADS) return undefined;
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), startedAt };
}

/** Exported for its test, which runs on Linux too. */
export async function listFromPs(): Promise<ProcessEntry[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,ppid=,pgid=,stat=,lstart='], { maxBuffer: 64 * 1024 * 1024, env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' } });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, group, state, startedAt] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (pid === undefined || startedAt === undefined || state?.startsWith('Z')) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), session: undefined, startedAt }];
  });
}
