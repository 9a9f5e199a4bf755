// Starts a part of the product as a process, the way everyone else does, with exactly the environment that is given, and reads its log.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '@runyard/config';
import { waitFor } from './wait-for.js';

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestProcess {
  readonly pid: number;
  /** Lines of its log as objects, in order; lines that are no JSON as `{msg}`. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  readonly exited: Promise<ProcessExit>;
  hasExited(): boolean;
  /** Everything it wrote to stdout so far. */
  stdout(): string;
  /** Everything it wrote to stderr so far. */
  stderr(): string;
  /** Waits for a line of the log and returns it; throws when the process has ended without it. */
  logged(msg: string): Promise<Readonly<Record<string, unknown>>>;
  /** Sends a signal to this process alone. */
  kill(signal: NodeJS.Signals): void;
  /** Closes the pipe that is its stdin. */
  closeParentPipe(): void;
}

export interface TestProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Default: that of this process. */
  readonly cwd?: string;
}

// Where Node keeps compiled modules, when npm test names a place: each process starts quicker, nothing else changes.
const { NODE_COMPILE_CACHE } = hostEnvironment();
const compiled = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };

/** Starts `apps/<part>`. @throws when it is not built */
export function startProcess(part: string, { env, cwd }: TestProcessOptions): TestProcess {
  const main = fileURLToPath(new URL(`../../../apps/${part}/dist/main.js`, import.meta.url));
  if (!existsSync(main)) throw new Error(`apps/${part} is not built: run npm run build`);
  const child = spawn(process.execPath, [main], { env: { ...compiled, ...env }, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`apps/${part} was not started`);
  child.stdin.on('error', () => undefined);
  const log: Readonly<Record<string, unknown>>[] = [];
  let [stdout, stderr, isOver] = ['', '', false];
  createInterface({ input: child.stdout.setEncoding('utf8') }).on('line', (line) => {
    stdout += `${line}\n`;
    log.push(entryOf(line));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = once(child, 'close').then(([code, signal]) => ((isOver = true), { code, signal }) as ProcessExit);
  const logged = async (msg: string) => {
    const find = () => log.find((entry) => entry['msg'] === msg);
    const outcome = await waitFor(() => find() ?? (isOver && 'it ended'), { what: msg, timeoutMs: 60_000 }).catch(() => 'it is still there');
    if (typeof outcome === 'string') throw new Error(`${part} did not log "${msg}", ${outcome}; it said ${JSON.stringify(log.slice(-5))} ${stderr}`);
    return outcome;
  };
  return {
    pid,
    log,
    exited,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    stdout: () => stdout,
    stderr: () => stderr,
    logged,
    kill: (signal) => void child.kill(signal),
    closeParentPipe: () => child.stdin.end(),
  };
}

function entryOf(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { msg: line };
  }
}
