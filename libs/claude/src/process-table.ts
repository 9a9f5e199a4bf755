// The processes of this machine: who started whom, and since when. Linux through /proc, elsewhere through ps.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
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
/** kthreadd: its children have no environment either. */
const KERNEL_THREADS = 2;
const NUL = Buffer.of(0);

/** All live processes; zombies are left out, because they can neither run nor be ended. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  return usesProc ? await listFromProc() : await listFromPs();
}

/** The start time of a process right now, or undefined when it is gone: read just before a signal is sent. */
export function startedAtNow(pid: number): string | undefined {
  // Elsewhere there is nothing as quick; the moment between list and signal stays open there.
  if (!usesProc) return undefined;
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startedAt;
  } catch {
    return undefined;
  }
}

/**
 * Does the environment that a process was started with hold exactly `entry` (`NAME=value`)? Undefined for an instant while it
 * is replaced by another program: then it shows neither environment nor command line. Linux only: false elsewhere.
 */
export async function startedWith({ pid, parent }: Pick<ProcessEntry, 'pid' | 'parent'>, entry: string): Promise<boolean | undefined> {
  if (!usesProc || pid === KERNEL_THREADS || parent === KERNEL_THREADS) return false;
  // Processes of other users cannot be read, and some have just ended.
  const environment = await readFile(`/proc/${pid}/environ`).catch(() => undefined);
  if (environment?.length === 0 && (await readFile(`/proc/${pid}/cmdline`).catch(() => undefined))?.length === 0) return undefined;
  return environment !== undefined && Buffer.concat([NUL, environment, NUL]).includes(`\0${entry}\0`);
}

/** How many processes the system has started since it booted; undefined where it does not say. */
export async function startedInAll(): Promise<string | undefined> {
  const stat = usesProc ? await readFile('/proc/stat', 'latin1').catch(() => '') : '';
  return /^processes (\d+)$/m.exec(stat)?.[1];
}

/** True where `startedWith` can know. */
export const readsEnvironments = usesProc;

async function listFromProc(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')));
  return stats.flatMap((stat) => parseStat(stat) ?? []);
}

/** `pid (name) state ppid pgrp session … starttime`: the name may hold spaces and brackets, so count from the last bracket. */
function parseStat(stat: string): ProcessEntry | undefined {
  const bracket = stat.lastIndexOf(')');
  const fields = stat.slice(bracket + 2).split(' ');
  const [state, parent, group, session] = fields;
  const startedAt = fields[19];
  if (bracket === -1 || startedAt === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid: Number.parseInt(stat, 10), parent: Number(parent), group: Number(group), session: Number(session), startedAt };
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
