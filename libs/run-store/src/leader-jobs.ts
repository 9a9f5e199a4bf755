// Jobs that any process may do and one is enough for: the leader of their family does them. Leading only saves work; each
// job must be harmless when two do it at once.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStore } from './run-store.js';

/** A leader that dies is followed by another within these two together. */
const LEAD_MS = 3_000;
const RENEW_MS = 1_000;

export interface LeaderJob {
  readonly name: string;
  readonly everyMs: number;
  /** One bounded round. Answers how many things it put right. */
  readonly work: () => Promise<number>;
}

export interface LeaderJobsOptions {
  readonly store: Pick<RunStore, 'lead' | 'resign'>;
  /** Whoever leads a family does all of its jobs. */
  readonly family: string;
  /** Who we are, unlike any other process. */
  readonly holder: string;
  readonly jobs: readonly LeaderJob[];
  /** A round of a job put something right. */
  readonly onDone: (job: string, count: number) => void;
  /** A job failed, and is done again in its time; the others go on. */
  readonly onError: (job: string, error: unknown) => void;
}

/** Starts them; the answer stops them, waits for what is under way and resigns. */
export function startLeaderJobs(options: LeaderJobsOptions): () => Promise<void> {
  const loops = new LeaderJobs(options);
  return () => loops.stop();
}

class LeaderJobs {
  readonly #options: LeaderJobsOptions;
  readonly #running: readonly Promise<void>[];
  #stopped = false;
  /** On the monotonic clock of this process. */
  #leadsUntil = 0;
  /** Aborted when there is a reason to look before the time is over. */
  #wake = new AbortController();

  constructor(options: LeaderJobsOptions) {
    this.#options = options;
    this.#running = [this.#keepLeading(), ...options.jobs.map((job) => this.#repeat(job))];
  }

  async stop(): Promise<void> {
    const { store, family, holder, onError } = this.#options;
    this.#stopped = true;
    this.#wakeAll();
    await Promise.all(this.#running);
    if (this.#leads()) await store.resign(family, holder).catch((error: unknown) => onError('resign', error));
  }

  async #keepLeading(): Promise<void> {
    const { store, family, holder, onError } = this.#options;
    while (!this.#stopped) {
      const askedAt = performance.now();
      try {
        const led = this.#leads();
        this.#leadsUntil = (await store.lead(family, holder, LEAD_MS)) ? askedAt + LEAD_MS : 0;
        if (!led && this.#leads()) this.#wakeAll();
      } catch (error) {
        onError('lead', error);
      }
      await this.#pause(RENEW_MS);
    }
  }

  async #repeat({ name, everyMs, work }: LeaderJob): Promise<void> {
    const { onDone, onError } = this.#options;
    while (!this.#stopped) {
      if (this.#leads()) {
        try {
          const count = await work();
          if (count > 0) onDone(name, count);
        } catch (error) {
          onError(name, error);
        }
      }
      await this.#pause(everyMs);
    }
  }

  #leads(): boolean {
    return performance.now() < this.#leadsUntil;
  }

  #wakeAll(): void {
    const asleep = this.#wake;
    this.#wake = new AbortController();
    asleep.abort();
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#stopped) await sleep(ms, undefined, { signal: this.#wake.signal, ref: false }).catch(() => undefined);
  }
}
