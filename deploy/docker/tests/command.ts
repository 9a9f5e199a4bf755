// Runs a program of the host and collects what it prints.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface CommandOptions {
  /** The whole environment of the program. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard input; nothing by default. */
  readonly input?: Buffer;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: Buffer;
  /** Standard output and standard error together, as text. */
  readonly text: string;
}

/** Runs it to its end, whatever the exit code is. Throws when it cannot be started. */
export async function tryCommand(command: readonly string[], { env, input }: CommandOptions): Promise<CommandResult> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const stdout: Buffer[] = [];
  const all: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => void (stdout.push(chunk), all.push(chunk)));
  child.stderr.on('data', (chunk: Buffer) => void all.push(chunk));
  // A program that ends early does not read its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, stdout: Buffer.concat(stdout), text: Buffer.concat(all).toString('utf8') };
}

/** The same, but throws with everything that was printed unless the exit code is 0. */
export async function runCommand(words: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const result = await tryCommand(words, options);
  if (result.code !== 0) throw new Error(`${words.join(' ')} ended with ${result.code}:\n${result.text}`);
  return result;
}
