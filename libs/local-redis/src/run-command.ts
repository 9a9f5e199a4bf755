// Runs a short command to its end and returns what it printed; a command that cannot be started is an answer too.
import { spawn } from 'node:child_process';

/** `code` is null when the command was not started or was ended by a signal. `output` is stdout and stderr, at most 256 KiB. */
export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
}

const OUTPUT_LIMIT = 256 * 1024;

/** Runs `program` without a shell. After `timeoutMs` it gets SIGKILL. `env` replaces the whole environment when given. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly env?: Record<string, string> },
): Promise<CommandResult> {
  return new Promise((done) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      if (output.length < OUTPUT_LIMIT) output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', (error) => done({ code: null, output: error.message }));
    child.once('close', (code) => done({ code, output }));
  });
}
