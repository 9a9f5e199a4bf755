// Parts of the product as processes with exactly the environment that is given, and their logs.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '@runyard/config';
import { waitFor } from '@runyard/testing';

export type LogEntry = Readonly<Record<string, unknown>>;

export interface Started {
  readonly pid: number;
  readonly log: readonly LogEntry[];
  readonly exited: Promise<void>;
  hasExited(): boolean;
  logged(msg: string): Promise<LogEntry>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
}

const START_MS = 90_000;
const COMPILED = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));

/** Starts `node <entry>`. It ends with this process, because its standard input does. */
export function start(entry: string, env: Readonly<Record<string, string>>): Started {
  const own = { PATH: hostEnvironment()['PATH'] ?? '', NODE_COMPILE_CACHE: COMPILED, RUNYARD_PARENT_PIPE: '1', RUNYARD_TEST_FAULTS: '1' };
  const child = spawn(process.execPath, [entry], { env: { ...own, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${entry} was not started`);
  child.stdin.on('error', () => undefined);
  const log: LogEntry[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => log.push(entryOf(line)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
  const exited = once(child, 'close').then(() => undefined);
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid,
    log,
    exited,
    hasExited,
    logged: async (msg) => {
      const find = (): LogEntry | undefined => log.find((line) => line['msg'] === msg);
      await waitFor(() => hasExited() || find() !== undefined, { what: `"${msg}" of ${entry}`, timeoutMs: START_MS });
      return find() ?? fail(`${entry} ended before "${msg}": ${JSON.stringify(log.slice(-3))} ${stderr}`);
    },
    signal: (name) => void child.kill(name),
    kill: () => kill(child, exited),
  };
}

async function kill(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill('SIGKILL');
  await exited;
}

function entryOf(line: string): LogEntry {
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return { msg: line };
  }
}

function fail(message: string): never {
  throw new Error(message);
}
