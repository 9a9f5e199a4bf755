// Our side of the orphan guard.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface OrphanWatch {
  /** From now on this process ends when we are gone. It must lead its own process group. */
  add(pid: number): void;
  /** It has ended. */
  remove(pid: number): void;
  /** Ends the guard, which then ends whatever is still watched. */
  close(): void;
}

/** Starts the guard. Should it be killed itself, there is nobody left to guard, and nothing else changes. */
export function startOrphanWatch(): OrphanWatch {
  const guard = spawn(process.execPath, [fileURLToPath(new URL('orphan-guard.js', import.meta.url))], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: {} });
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  return {
    add: (pid) => void guard.stdin.write(`+${pid}\n`),
    remove: (pid) => void guard.stdin.write(`-${pid}\n`),
    close: () => void guard.stdin.end(),
  };
}
