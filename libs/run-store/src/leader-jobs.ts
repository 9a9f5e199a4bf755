// Jobs that any process may do and one is enough for: the leader of their family does them. Leading only saves work; each
// job must be harmless when two do it at once.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStore } from './run-store.js';

/** A leader that dies is followed by another within these two together. */
const LEAD_MS = 3_000;
const RENEW_MS = 1_000;
/** A round that takes longer than so many pauses between rounds, and longer than the time below, hangs. */
const HUNG_PAUSES = 20;
const HUNG_MS = 60_000;
/** While one hangs the lead is on offer so often, for long enough that whoever else is there takes it. */
const OFFER_EVERY_MS = 10_000;
const OFFER_MS = 2 * RENEW_MS;

export interface LeaderJob {
  readonly name: string;
  readonly everyMs: number;
  /** One bounded round, harmless also when it goes on after another has the lead. Answers how many things it put right. */
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
  /** Default 60 s. */
  readonly hungAfterMs?: number;
  /** How long the lead is held at a time. Default 3 s. */
  readonly leadMs?: number;
}

/** Starts them; one that hangs is left to another process, if there is one. The answer stops them, waits for what is under way and resigns. */
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
  /** When each round that is under way began, and of which job. */
  readonly #rounds = new Map<LeaderJob, number>();
  #offeredAt = Number.NEGATIVE_INFINITY;

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
    const { store, family, holder, onError, leadMs = LEAD_MS } = this.#options;
    while (!this.#stopped) {
      const askedAt = performance.now();
      try {
        if (await this.#offer()) continue;
        const led = this.#leads();
        this.#leadsUntil = (await store.lead(family, holder, leadMs)) ? askedAt + leadMs : 0;
        if (!led && this.#leads()) this.#wakeAll();
      } catch (error) {
        onError('lead', error);
      }
      await this.#pause(RENEW_MS);
    }
  }

  /** True when the lead was free for a moment because a job of ours hangs. Whoever is alone has it back, for the other jobs. */
  async #offer(): Promise<boolean> {
    const { store, family, holder, onError } = this.#options;
    const now = performance.now();
    const hung = [...this.#rounds].find(([job, sinceMs]) => now - sinceMs > this.#patienceMs(job))?.[0];
    if (hung === undefined || !this.#leads() || now - this.#offeredAt < OFFER_EVERY_MS) return false;
    onError(hung.name, new Error(`a round of ${hung.name} takes longer than ${this.#patienceMs(hung)} ms: another process may lead`));
    this.#leadsUntil = 0;
    await store.resign(family, holder);
    await this.#pause(OFFER_MS);
    this.#offeredAt = performance.now();
    return true;
  }

  #patienceMs({ everyMs }: LeaderJob): number {
    return Math.max(HUNG_PAUSES * everyMs, this.#options.hungAfterMs ?? HUNG_MS);
  }

  async #repeat(job: LeaderJob): Promise<void> {
    const { name, everyMs, work } = job;
    const { onDone, onError } = this.#options;
    while (!this.#stopped) {
      if (this.#leads()) {
        this.#rounds.set(job, performance.now());
        try {
          const count = await work();
          if (count > 0) onDone(name, count);
        } catch (error) {
          onError(name, error);
        }
        this.#rounds.delete(job);
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
