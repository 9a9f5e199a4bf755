// One warden process: started, spoken to, asked every second whether it lives, and ended when it does not answer.
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { decodeLines, encodeLine } from './warden-protocol.js';
import type { FromWarden, ToWarden } from './warden-protocol.js';

export interface WardenProcessOptions {
  /** The built warden/main.js. */
  readonly entry: string;
  readonly onMessage: (message: FromWarden) => void;
  /** It is dead, or as good as dead and killed. Called once; nothing comes after it. */
  readonly onGone: (why: string) => void;
  readonly pingEveryMs: number;
}

/** Pings without an answer before it is given up. */
const UNANSWERED_PINGS = 4;
/** A program that is just being started on a busy machine has more time. */
const UNANSWERED_AT_THE_START = 15;

type WardenChild = ChildProcessByStdio<Writable, Readable, null>;

export class WardenProcess {
  readonly #options: WardenProcessOptions;
  /** Undefined when the system refused to start it. */
  readonly #child: WardenChild | undefined;
  readonly #pings: NodeJS.Timeout;
  #unanswered = 0;
  #answered = false;
  #over = false;

  constructor(options: WardenProcessOptions) {
    this.#options = options;
    this.#child = this.#spawn();
    this.#pings = setInterval(() => this.#ping(), options.pingEveryMs);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** It has answered since its start. */
  get answered(): boolean {
    return this.#answered;
  }

  /** It is dead, or was ended. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Pings that it has not answered. */
  get unanswered(): number {
    return this.#unanswered;
  }

  tell(message: ToWarden): void {
    this.#child?.stdin.write(encodeLine(message));
  }

  /** Closes its input, so that it ends everything that it still watches and then itself. */
  async close(): Promise<void> {
    this.#over = true;
    clearInterval(this.#pings);
    if (this.#child?.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.stdin.end();
    await exit;
  }

  // Counted in pings and not in milliseconds: a worker that was itself stopped for a while has asked nothing meanwhile.
  #ping(): void {
    if (this.#unanswered >= (this.#answered ? UNANSWERED_PINGS : UNANSWERED_AT_THE_START)) return this.#gone('it does not answer');
    this.#unanswered += 1;
    this.tell({ type: 'ping' });
  }

  /** Node tells some refusals of the system by an event, some by throwing, and some (no file descriptors left) by leaving the pipes out. */
  #spawn(): WardenChild | undefined {
    try {
      // Its own process group, so that no signal to the worker's group reaches it; an empty environment, because it needs none.
      const child = spawn(process.execPath, [this.#options.entry], { detached: true, stdio: ['pipe', 'pipe', 'inherit'], env: {} });
      child.once('error', (error) => this.#gone(error.message));
      child.once('exit', (code, signal) => this.#gone(`it ended with ${signal ?? `exit code ${code}`}`));
      if (!hasPipes(child)) return undefined;
      child.stdin.on('error', () => undefined);
      void this.#listen(child);
      return child;
    } catch (error) {
      setImmediate(() => this.#gone(error instanceof Error ? error.message : String(error)));
      return undefined;
    }
  }

  async #listen({ stdout }: WardenChild): Promise<void> {
    try {
      for await (const message of decodeLines<FromWarden>(stdout)) {
        this.#unanswered = 0;
        this.#answered = true;
        this.#options.onMessage(message);
      }
    } catch (error) {
      this.#gone(error instanceof Error ? error.message : String(error));
    }
  }

  #gone(why: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#pings);
    // Also a stopped process ends by this, so that two wardens never watch the same with different deadlines.
    this.#child?.kill('SIGKILL');
    this.#options.onGone(why);
  }
}

function hasPipes(child: Partial<WardenChild>): boolean {
  return child.stdin !== undefined && child.stdout !== undefined;
}
