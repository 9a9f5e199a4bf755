// The command as a person has it, in this process: its streams, its exit code, its signals.
import { EventEmitter } from 'node:events';
import { text } from 'node:stream/consumers';
import { PassThrough, Readable } from 'node:stream';
import { runCommand } from './program.js';

export interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CommandOptions {
  readonly env: Readonly<Record<string, string>>;
  /** What is on its standard input. */
  readonly stdin?: string;
}

/** Starts `runyard <argv>`; it has ended when `done` resolves. */
export function startCommand(argv: readonly string[], { env, stdin = '' }: CommandOptions): { readonly signals: EventEmitter; readonly done: Promise<Done> } {
  const [stdout, stderr, signals] = [new PassThrough(), new PassThrough(), new EventEmitter()];
  const context = { env, cwd: '/', root: '/opt/runyard', stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr, signals };
  const [out, err] = [text(stdout), text(stderr)];
  const finish = async (): Promise<Done> => {
    const code = await runCommand(argv, context, '1.2.3').finally(() => [stdout, stderr].map((stream) => stream.end()));
    return { code, out: await out, err: await err };
  };
  return { signals, done: finish() };
}
