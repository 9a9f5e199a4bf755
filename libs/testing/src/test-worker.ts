// Starts a worker as a process, the way everyone else does, and reads its log.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from '@runyard/config';
import { waitFor } from './wait-for.js';

const MAIN = fileURLToPath(new URL('../../../apps/worker/dist/main.js', import.meta.url));

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface TestWorker {
  readonly pid: number;
  /** Lines of its log as objects, in order; lines that are no JSON as `{msg}`. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  readonly exited: Promise<WorkerExit>;
  /** Everything it wrote to stderr so far. */
  stderr(): string;
  /** Waits for a line of the log and returns it. */
  logged(msg: string): Promise<Readonly<Record<string, unknown>>>;
  /** `http://127.0.0.1:<port>` of its health port, once it listens. */
  url(): Promise<string>;
  /** Sends a signal to the worker alone. */
  kill(signal: NodeJS.Signals): void;
  /** Closes the pipe that is its stdin. */
  closeParentPipe(): void;
  /** SIGTERM, then SIGTERM again for its runs, and waits. */
  stop(): Promise<WorkerExit>;
}

/** Starts `apps/worker` with exactly this environment, on any free port unless it names one. @throws when it is not built */
export function startWorker(env: Readonly<Record<string, string>>): TestWorker {
  if (!existsSync(MAIN)) throw new Error('apps/worker is not built: run npm run build');
  const child = spawn(process.execPath, [MAIN], { env: { PATH: hostEnvironment()['PATH'] ?? '', RUNYARD_WORKER_PORT: '0', ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const { pid } = child;
  if (pid === undefined) throw new Error('the worker was not started');
  child.stdin.on('error', () => undefined);
  const log: Readonly<Record<string, unknown>>[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => log.push(entryOf(line)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }) as WorkerExit);
  const logged = async (msg: string) => {
    try {
      return await waitFor(() => log.find((entry) => entry['msg'] === msg), { what: `the worker to log "${msg}"`, timeoutMs: 60_000 });
    } catch (cause) {
      throw new Error(`the worker did not log "${msg}"; it said ${JSON.stringify(log.slice(-5))} ${stderr}`, { cause });
    }
  };
  return {
    pid,
    log,
    exited,
    stderr: () => stderr,
    logged,
    url: async () => `http://127.0.0.1:${String((await logged('worker listening'))['port'])}`,
    kill: (signal) => void child.kill(signal),
    closeParentPipe: () => child.stdin.end(),
    stop: async () => {
      child.kill('SIGTERM');
      const hurry = setInterval(() => child.kill('SIGTERM'), 1500);
      const exit = await exited;
      clearInterval(hurry);
      return exit;
    },
  };
}

function entryOf(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { msg: line };
  }
}
