// Starts the guard with the server behind it and follows both to their end.
import { spawn } from 'node:child_process';
import { dirname, extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RedisServer } from './find-redis-server.js';

/** How the server ended. `guardSignal` is set when the guard itself was killed. */
export interface RedisExit {
  readonly code: number | null;
  readonly guardSignal: NodeJS.Signals | null;
  readonly lastLines: readonly string[];
}

export interface GuardedServer {
  readonly exited: Promise<RedisExit>;
  hasExited(): boolean;
  /** Tells the guard to end the server. */
  closeInput(): void;
}

const LAST_LINES = 20;

/** Spawns `server` with `args` behind a guard, in a process group of its own: Ctrl-C in our terminal is not theirs. */
export function spawnGuard(server: RedisServer, args: readonly string[], log: (line: string) => void): GuardedServer {
  const own = fileURLToPath(import.meta.url);
  // The same file name in src and in dist, so that tests run the guard without a build.
  const guard = join(dirname(own), `redis-guard${extname(own)}`);
  const child = spawn(process.execPath, [guard, server.path, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(server.libraryPath === '' ? {} : { env: { LD_LIBRARY_PATH: server.libraryPath } }),
  });
  const lastLines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
      log(line);
    });
  }
  child.stdin.on('error', () => {}); // the guard is gone; `exited` says so
  let ended = false;
  const exited = new Promise<RedisExit>((done) => {
    child.once('error', (error) => {
      lastLines.push(error.message);
      ended = true;
      done({ code: null, guardSignal: null, lastLines });
    });
    child.once('exit', (code, guardSignal) => {
      ended = true;
      done({ code, guardSignal, lastLines });
    });
  });
  return { exited, hasExited: () => ended, closeInput: () => child.stdin.end() };
}
