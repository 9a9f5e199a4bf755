// One claude process: started, spoken to, read to its end.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ControlRequests } from './control-requests.js';
import { drain } from './drain.js';
import { LineSplitter } from './line-splitter.js';
import { parseMessage, peekMessage } from './message-peek.js';
import type { JsonObject, Peek } from './message-peek.js';
import { StderrText } from './stderr-text.js';

export interface StartClaude {
  readonly bin: string;
  readonly args: readonly string[];
  /** The whole environment of the process: see environment.ts. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Called for each line that is not empty, in order. While its promise is pending nothing more is read: the CLI waits. */
  onLine(line: Buffer, peek: Peek): void | Promise<void>;
  /** Called with whole lines where possible. Its promise holds back only stderr. */
  onStderr(text: string): void | Promise<void>;
  /** How long stdout may stay open after the process is gone. Default 2 s. */
  readonly drainGraceMs?: number;
}

export interface SpawnError {
  /** Such as ENOENT, EACCES, E2BIG. */
  readonly code: string;
  readonly message: string;
  /** With ENOENT: what is missing. Node names the binary in both cases. */
  readonly missing?: 'binary' | 'directory';
}

export interface ClaudeExit {
  /** Null when a signal ended it. The CLI answers SIGTERM with code 143, so look at both. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when the process never started. */
  readonly spawnError?: SpawnError;
}

export interface ClaudeProcess {
  /** Also the id of its process group and session; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** False once it is gone, or when it never started. */
  readonly running: boolean;
  /** Writes one message. True when the pipe has taken it; false when the input is closed or the process is gone. Never rejects. */
  send(message: object): Promise<boolean>;
  /** Ends the input: the CLI finishes what it is doing and exits. */
  closeInput(): void;
  /** Asks the CLI to end the current turn. True when it said yes within the time. */
  interrupt(timeoutMs?: number): Promise<boolean>;
  /** Any other control request; undefined when no answer came in time. */
  control(request: JsonObject, timeoutMs: number): Promise<{ readonly ok: boolean; readonly response: unknown } | undefined>;
  /** Sends a signal to the CLI alone; false when it is gone. */
  kill(signal: NodeJS.Signals): boolean;
  /** The last 64 Ki characters of stderr. */
  stderrTail(): string;
  /** Resolves as soon as the process is gone; output may still be on its way. Never rejects. */
  readonly ended: Promise<ClaudeExit>;
  /** Resolves when the process is gone and everything it said has been consumed. Rejects with what a consumer threw. */
  readonly exited: Promise<ClaudeExit>;
}

const INTERRUPT_TIMEOUT_MS = 1_000;

/** Starts claude. What keeps it from starting is part of the exit, never thrown. */
export function startClaude(options: StartClaude): ClaudeProcess {
  try {
    return new RunningClaude(spawnClaude(options), options);
  } catch (error) {
    // A too long or malformed argument list and some system errors are thrown at once, the others are emitted.
    return new NeverStarted(spawnErrorOf(error as NodeJS.ErrnoException, options));
  }
}

function spawnClaude({ bin, args, env, cwd }: StartClaude): ChildProcessWithoutNullStreams {
  // Its own group and session: a Ctrl-C in the worker's terminal does not reach it, and stragglers can be found by it.
  return spawn(bin, args, { cwd, env, stdio: 'pipe', detached: true, windowsHide: true });
}

function spawnErrorOf(error: NodeJS.ErrnoException, { bin, cwd }: StartClaude): SpawnError {
  const code = error.code ?? 'UNKNOWN';
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return { code, message: error.message };
  const missing = existsSync(cwd) ? 'binary' : 'directory';
  return { code, missing, message: missing === 'directory' ? `the working directory ${cwd} does not exist` : `there is no program at ${bin}` };
}

class RunningClaude implements ClaudeProcess {
  readonly ended: Promise<ClaudeExit>;
  readonly exited: Promise<ClaudeExit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #options: StartClaude;
  readonly #stderr = new StderrText();
  readonly #controls = new ControlRequests();
  #gone = false;

  constructor(child: ChildProcessWithoutNullStreams, options: StartClaude) {
    this.#child = child;
    this.#options = options;
    this.ended = this.#watch();
    this.exited = this.#finish();
    // Whoever awaits it sees the error; a worker that is not there yet must not end because of it.
    this.exited.catch(() => undefined);
    // A process that does not read its input any more shows up as `false` from send().
    child.stdin.on('error', () => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return !this.#gone && this.pid !== undefined;
  }

  send(message: object): Promise<boolean> {
    const { stdin } = this.#child;
    if (this.#gone || !stdin.writable) return Promise.resolve(false);
    return new Promise((resolve) => {
      stdin.write(`${JSON.stringify(message)}\n`, (error) => resolve(!error));
    });
  }

  closeInput(): void {
    this.#child.stdin.end();
  }

  async interrupt(timeoutMs: number = INTERRUPT_TIMEOUT_MS): Promise<boolean> {
    return (await this.control({ subtype: 'interrupt' }, timeoutMs))?.ok ?? false;
  }

  control(request: JsonObject, timeoutMs: number): ReturnType<ControlRequests['ask']> {
    return this.#controls.ask(request, (message) => this.send(message), timeoutMs);
  }

  kill(signal: NodeJS.Signals): boolean {
    return !this.#gone && this.#child.kill(signal);
  }

  stderrTail(): string {
    return this.#stderr.tail;
  }

  #watch(): Promise<ClaudeExit> {
    return new Promise((resolve) => {
      const end = (exit: ClaudeExit) => {
        this.#gone = true;
        this.#controls.giveUp();
        resolve(exit);
      };
      this.#child.once('exit', (code, signal) => end({ code, signal }));
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) end({ code: null, signal: null, spawnError: spawnErrorOf(error, this.#options) });
      });
    });
  }

  async #finish(): Promise<ClaudeExit> {
    const limits = { ended: this.ended, ...(this.#options.drainGraceMs === undefined ? {} : { graceMs: this.#options.drainGraceMs }) };
    try {
      await Promise.all([this.#readStdout(limits), this.#readStderr(limits)]);
    } catch (error) {
      // Nobody listens to it any more; what it has started is left to the sweep.
      this.kill('SIGKILL');
      throw error;
    }
    return await this.ended;
  }

  async #readStdout(limits: Parameters<typeof drain>[2]): Promise<void> {
    const splitter = new LineSplitter();
    const deliver = async (lines: Buffer[]) => {
      for (const line of lines) {
        if (line.length === 0) continue;
        const pending = this.#takeLine(line);
        if (pending !== undefined) await pending;
      }
    };
    await drain(this.#child.stdout, (chunk) => deliver(splitter.push(chunk)), limits);
    await deliver(splitter.end());
    if (splitter.oversizedLines > 0) await this.#options.onStderr(`${splitter.oversizedLines} lines of stdout were too long and are not whole\n`);
  }

  #takeLine(line: Buffer): void | Promise<void> {
    const peek = peekMessage(line);
    if (peek.kind === 'message' && peek.type === 'control_response') this.#controls.receive(parseMessage(line, peek) ?? {});
    return this.#options.onLine(line, peek);
  }

  async #readStderr(limits: Parameters<typeof drain>[2]): Promise<void> {
    const show = async (text: string) => {
      if (text !== '') await this.#options.onStderr(text);
    };
    await drain(this.#child.stderr, (chunk) => show(this.#stderr.push(chunk)), limits);
    await show(this.#stderr.end());
  }
}

class NeverStarted implements ClaudeProcess {
  readonly pid = undefined;
  readonly running = false;
  readonly ended: Promise<ClaudeExit>;
  readonly exited: Promise<ClaudeExit>;

  constructor(spawnError: SpawnError) {
    this.ended = Promise.resolve({ code: null, signal: null, spawnError });
    this.exited = this.ended;
  }

  send(): Promise<boolean> {
    return Promise.resolve(false);
  }

  closeInput(): void {
    // There is no input.
  }

  interrupt(): Promise<boolean> {
    return Promise.resolve(false);
  }

  control(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  kill(): boolean {
    return false;
  }

  stderrTail(): string {
    return '';
  }
}
