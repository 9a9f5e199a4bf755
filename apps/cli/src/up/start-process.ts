// Starts one of our apps as a process that ends when we do.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { EXIT_CODE_BAD_SETTINGS } from '@runyard/config';
import type { OrphanWatch } from './orphan-watch.js';
import type { Ending, Running } from './supervised.js';

export interface ProcessOptions {
  /** Absolute path of the script. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  /** Gets each line of stdout and stderr. */
  readonly onLine: (line: string) => void;
  /** Ends it when we are gone and it does not do so by itself. */
  readonly orphans: OrphanWatch;
}

/**
 * In a process group of its own, so that Ctrl-C in the terminal reaches only us and we decide the order; with a pipe as standard input,
 * whose end tells it that we are gone, however we went.
 */
export async function startProcess({ entry, env, onLine, orphans }: ProcessOptions): Promise<Running> {
  const child = spawn(process.execPath, [entry], { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
  }
  const { pid } = child;
  if (pid !== undefined) {
    orphans.add(pid);
    child.once('exit', () => orphans.remove(pid));
  }
  return { exited: endingOf(child), end: (how) => end(child, how) };
}

function endingOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ how: error.message, final: false }));
    child.once('exit', (code, signal) => resolve({ how: signal ?? `exit code ${code}`, final: code === EXIT_CODE_BAD_SETTINGS }));
  });
}

function end(child: ChildProcess, how: 'gently' | 'at once'): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  if (how === 'gently') child.kill('SIGTERM');
  else process.kill(-child.pid, 'SIGKILL');
}
