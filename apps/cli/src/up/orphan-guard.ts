// A small process beside `up`: when `up` is gone without having ended its children (kill -9), it ends them.
// Lines on standard input: `+<pid>` watch, `-<pid>` no more. Imports only Node's own modules.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

// The children see the end of their own pipes and may end in order; a worker whose Redis went with us would take long.
const OWN_END_MS = 5_000;
const TERM_MS = 5_000;
const POLL_MS = 100;

/** Pid → when that process began, so that a later process with the same pid is left alone. */
const watched = new Map<number, string>();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (!Number.isSafeInteger(pid) || pid < 2) continue;
  if (line.startsWith('+')) watched.set(pid, beginOf(pid));
  else watched.delete(pid);
}

if (await someAliveAfter(OWN_END_MS)) {
  signalAll('SIGTERM', (pid) => pid);
  if (await someAliveAfter(TERM_MS)) signalAll('SIGKILL', (pid) => -pid);
}

async function someAliveAfter(waitMs: number): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  while (alive().length > 0 && performance.now() < deadline) await sleep(POLL_MS);
  return alive().length > 0;
}

function alive(): number[] {
  return [...watched].filter(([pid, begin]) => exists(pid) && beginOf(pid) === begin).map(([pid]) => pid);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function signalAll(signal: NodeJS.Signals, target: (pid: number) => number): void {
  for (const pid of alive()) {
    try {
      process.kill(target(pid), signal);
    } catch {
      // ended meanwhile
    }
  }
}

/** The 22nd field of /proc/<pid>/stat, counted after the name, which may hold anything; '' where there is no /proc. */
function beginOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
