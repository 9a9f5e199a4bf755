// The worker's side of the warden: starts it, tells it what to watch, and starts another one when it dies.
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { WatchList } from './watch-list.js';
import { decodeLines, encodeLine } from './warden-protocol.js';
import type { FromWarden, ToWarden } from './warden-protocol.js';

export interface WardenOptions {
  /** The built warden/main.js. */
  readonly entry: string;
  /** The warden ended processes because a deadline had passed. */
  readonly onEnded: (mark: string, pids: readonly number[]) => void;
  /** The warden itself died and another one is being started. */
  readonly onDied: (why: string) => void;
  /** Default 10 s. */
  readonly answerTimeoutMs?: number;
}

type WardenProcess = ChildProcessByStdio<Writable, Readable, null>;

const ANSWER_TIMEOUT_MS = 10_000;
const RESTART_PAUSE_MS = 100;

/** A warden process and what it watches. Deadlines are milliseconds of `monotonicMs`. */
export class Warden {
  readonly #options: WardenOptions;
  readonly #list = new WatchList();
  readonly #answers = new Map<string, PromiseWithResolvers<void>>();
  #process: WardenProcess;
  #closing = false;

  private constructor(options: WardenOptions) {
    this.#options = options;
    this.#process = this.#start();
  }

  static start(options: WardenOptions): Warden {
    return new Warden(options);
  }

  /** Process id of the warden that works now. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves once a warden watches the mark: only then may the first process carry it. @throws Error when none answers */
  async watch(mark: string, deadlineAtMs: number, directories: readonly string[]): Promise<void> {
    const answer = Promise.withResolvers<void>();
    this.#answers.set(mark, answer);
    this.#tell({ type: 'watch', mark, deadlineAtMs, directories });
    const timer = setTimeout(() => answer.reject(new Error('the warden does not answer')), this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS);
    try {
      await answer.promise;
    } finally {
      clearTimeout(timer);
      this.#answers.delete(mark);
    }
  }

  /** Names the root of the marked process tree. */
  process(mark: string, pid: number): void {
    this.#tell({ type: 'process', mark, pid });
  }

  /** Moves the deadline. */
  renew(mark: string, deadlineAtMs: number): void {
    this.#tell({ type: 'renew', mark, deadlineAtMs });
  }

  /** Ends the watch: nothing with the mark is left. */
  release(mark: string): void {
    this.#tell({ type: 'release', mark });
  }

  /** Ends the warden, and with it everything that is still watched. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.stdin.end();
    await exit;
  }

  #tell(message: ToWarden): void {
    this.#list.take(message);
    this.#process.stdin.write(encodeLine(message));
  }

  #start(): WardenProcess {
    // Its own process group, so that no signal to the worker's group reaches it; an empty environment, because it needs none.
    const child = spawn(process.execPath, [this.#options.entry], { detached: true, stdio: ['pipe', 'pipe', 'inherit'], env: {} });
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => void this.#restart(child, error.message));
    child.once('exit', (code, signal) => void this.#restart(child, `it ended with ${signal ?? `exit code ${code}`}`));
    void this.#listen(child.stdout);
    return child;
  }

  async #listen(stdout: Readable): Promise<void> {
    for await (const message of decodeLines<FromWarden>(stdout)) {
      if (message.type === 'watching') this.#answers.get(message.mark)?.resolve();
      else this.#options.onEnded(message.mark, message.pids);
    }
  }

  async #restart(dead: WardenProcess, why: string): Promise<void> {
    if (this.#closing || dead !== this.#process) return;
    this.#options.onDied(why);
    await sleep(RESTART_PAUSE_MS);
    if (this.#closing || dead !== this.#process) return;
    this.#process = this.#start();
    for (const { mark, deadlineAtMs, directories, pid } of this.#list.all()) {
      this.#tell({ type: 'watch', mark, deadlineAtMs, directories });
      if (pid !== undefined) this.#tell({ type: 'process', mark, pid });
    }
  }
}
