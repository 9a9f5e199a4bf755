// The worker's side of the warden: tells it what to watch, and starts another one when it dies or falls silent.
import { setTimeout as sleep } from 'node:timers/promises';
import { MachineTrouble } from '../machine-trouble.js';
import { WatchList } from './watch-list.js';
import { WardenProcess } from './warden-process.js';
import type { AboutMark, FromWarden } from './warden-protocol.js';
import { WatchRecords } from './watch-records.js';

export interface WardenOptions {
  /** The built warden/main.js. */
  readonly entry: string;
  /** The warden ended processes because a deadline had passed. */
  readonly onEnded: (mark: string, pids: readonly number[]) => void;
  /** The warden died or does not answer, and another one is being started. */
  readonly onDied: (why: string) => void;
  /** The other one watches everything that the dead one watched. */
  readonly onReplaced?: () => void;
  /** So many in a row died without a word that nobody should start a run here. Called once; it goes on trying. */
  readonly onGivenUp?: (why: string) => void;
  /** Default 10 s. */
  readonly answerTimeoutMs?: number;
  /** Default 1 s. */
  readonly pingEveryMs?: number;
  /** Where it is written down what is watched, for the time after a death of worker and warden. Default: the directory for temporary files. */
  readonly recordsDir?: string;
}

const ANSWER_TIMEOUT_MS = 10_000;
const PING_EVERY_MS = 1000;
const PAUSE_FIRST_MS = 100;
const PAUSE_LONGEST_MS = 5000;
const FAILURES_IN_A_ROW = 5;

/** A warden process and what it watches. Deadlines are milliseconds of `monotonicMs`. */
export class Warden {
  readonly #options: WardenOptions;
  readonly #list = new WatchList();
  readonly #records: WatchRecords;
  readonly #answers = new Map<string, PromiseWithResolvers<void>>();
  #process: WardenProcess;
  #failures = 0;
  #replacing = false;
  #closing = false;

  private constructor(options: WardenOptions) {
    this.#options = options;
    this.#records = new WatchRecords(options.recordsDir);
    this.#process = this.#start();
  }

  static start(options: WardenOptions): Warden {
    return new Warden(options);
  }

  /** Process id of the warden that works now. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The warden that works now has answered, and owes no more than the last answer. */
  get answers(): boolean {
    return this.#process.answered && !this.#process.isOver && this.#process.unanswered <= 1;
  }

  /** Resolves once a warden watches the mark: only then may the first process carry it. @throws MachineTrouble when none answers; what the file system throws */
  async watch(mark: string, deadlineAtMs: number, directories: readonly string[]): Promise<void> {
    const answer = Promise.withResolvers<void>();
    const record = this.#records.add(mark, directories);
    this.#answers.set(mark, answer);
    this.#tell({ type: 'watch', mark, deadlineAtMs, directories: [...directories, record] });
    const timer = setTimeout(() => answer.reject(new MachineTrouble('the warden does not answer')), this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS);
    try {
      await answer.promise;
    } catch (error) {
      this.release(mark);
      throw error;
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
    this.#records.remove(mark);
  }

  /** Ends the warden, and with it everything that is still watched. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#process.close();
    this.#records.close();
  }

  #tell(message: AboutMark): void {
    this.#list.take(message);
    this.#process.tell(message);
  }

  #start(): WardenProcess {
    return new WardenProcess({
      entry: this.#options.entry,
      pingEveryMs: this.#options.pingEveryMs ?? PING_EVERY_MS,
      onMessage: (message) => this.#take(message),
      onGone: (why) => void this.#replace(why),
    });
  }

  #take(message: FromWarden): void {
    this.#failures = 0;
    if (message.type === 'watching') this.#answers.get(message.mark)?.resolve();
    else if (message.type === 'ended') this.#options.onEnded(message.mark, message.pids);
    else if (this.#replacing) {
      this.#replacing = false;
      this.#options.onReplaced?.();
    }
  }

  async #replace(why: string): Promise<void> {
    if (this.#closing) return;
    if (!this.#process.answered) this.#failures += 1;
    this.#options.onDied(why);
    if (this.#failures === FAILURES_IN_A_ROW) this.#options.onGivenUp?.(why);
    await sleep(Math.min(PAUSE_FIRST_MS * 2 ** this.#failures, PAUSE_LONGEST_MS));
    if (this.#closing) return;
    this.#replacing = true;
    this.#process = this.#start();
    for (const { mark, deadlineAtMs, directories, pid } of this.#list.all()) {
      this.#tell({ type: 'watch', mark, deadlineAtMs, directories });
      if (pid !== undefined) this.#tell({ type: 'process', mark, pid });
    }
    // Its answer says that it has taken all of these.
    this.#process.tell({ type: 'ping' });
  }
}
