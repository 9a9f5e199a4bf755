// What a command may touch: its environment, its terminal, and nothing else of the process.
import { commandSetting } from '@runyard/config';
import type { Environment } from '@runyard/config';
import { Interrupted } from './exit-codes.js';
import type { ExitCode } from './exit-codes.js';
import { painter } from './style.js';

export interface InputStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
}

export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Signals {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface Context {
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  /** The Runyard checkout that this command belongs to, absolute. */
  readonly root: string;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly signals: Signals;
}

/** Runs `work` with a signal that Ctrl-C and SIGTERM abort; its reason is Interrupted. */
export async function interruptible<T>(context: Pick<Context, 'signals'>, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort(new Interrupted('interrupted'));
  context.signals.on('SIGINT', interrupt);
  context.signals.on('SIGTERM', interrupt);
  try {
    return await work(controller.signal);
  } finally {
    context.signals.off('SIGINT', interrupt);
    context.signals.off('SIGTERM', interrupt);
  }
}

/** How this command is called, for hints that can be copied: as RUNYARD_COMMAND says, `bin/runyard` in the checkout, else with its path. */
export function commandName({ env, cwd, root }: Pick<Context, 'env' | 'cwd' | 'root'>): string {
  return commandSetting(env) ?? (cwd === root ? 'bin/runyard' : `${root}/bin/runyard`);
}

/** How a command hands its work to the program, which gives it the context, tells its errors and keeps its exit code. */
export type Finish = (work: (context: Context) => Promise<ExitCode>) => Promise<void>;

/** A remark for people, on stderr. */
export function hint({ stderr }: Pick<Context, 'stderr'>, line: string): void {
  stderr.write(`${painter(stderr)('dim', line)}\n`);
}
