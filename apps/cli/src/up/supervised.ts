// Keeps one part of the local stack running: starts it, starts it again when it ends, ends it.
import type { Logger } from '@runyard/telemetry';
import { setTimeout as sleep } from 'node:timers/promises';
import { nextRestart } from './restart-delay.js';

/** How a part ended. `final`: starting it again cannot help, for example because a setting is wrong. */
export interface Ending {
  readonly how: string;
  readonly final: boolean;
}

/** A part that runs. */
export interface Running {
  /** Never rejects. */
  readonly exited: Promise<Ending>;
  /** Asks it to end: gently, so that it finishes what it has; or at once. May be called again. */
  end(how: 'gently' | 'at once'): void;
}

export interface SupervisedOptions {
  readonly name: string;
  /** Rejects when it cannot be started. */
  readonly start: () => Promise<Running>;
  readonly log: Logger;
  /** How long a gentle end may take, in milliseconds. */
  readonly graceMs: number;
  /** Called once when the part is given up for good. */
  readonly onGivenUp: (reason: string) => void;
}

// A worker that is asked to hurry still ends its runs in order and writes how they ended.
const HURRY_MS = 30_000;

export class Supervised {
  readonly #options: SupervisedOptions;
  readonly #stopping = new AbortController();
  #running: Running | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  /** Starts it for the first time. @throws what `start` throws; from then on it is kept running */
  async start(): Promise<void> {
    const startedAt = performance.now();
    this.#running = await this.#options.start();
    this.#ended = this.#keep(this.#running, startedAt);
  }

  /** Ends it; resolves when it is gone. Killed when the grace is over. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#running?.end('gently');
    const kill = setTimeout(() => this.#running?.end('at once'), this.#options.graceMs);
    await this.#ended;
    clearTimeout(kill);
  }

  /** Shortens a stop: asks once more, and kills after 30 s. */
  hurry(): void {
    this.#stopping.abort();
    this.#running?.end('gently');
    setTimeout(() => this.#running?.end('at once'), HURRY_MS).unref();
  }

  /** Kills it. */
  kill(): void {
    this.#stopping.abort();
    this.#running?.end('at once');
  }

  async #keep(first: Running, firstStartedAt: number): Promise<void> {
    let running: Running | undefined = first;
    let startedAt = firstStartedAt;
    for (let failures = 0; ; ) {
      const ending: Ending = running ? await running.exited : { how: 'it did not start', final: false };
      this.#running = undefined;
      if (this.#stopping.signal.aborted) return;
      const { name, log, onGivenUp } = this.#options;
      if (ending.final) return onGivenUp(`${name} cannot run (${ending.how})`);
      const restart = nextRestart(failures, performance.now() - startedAt);
      failures = restart.failures;
      log.error(`${name} ended by itself (${ending.how}); starting it again in ${restart.delayMs / 1000} s`);
      await sleep(restart.delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      startedAt = performance.now();
      running = await this.#tryStart();
      this.#running = running;
      // Whoever stopped us while it started has not seen it.
      if (this.#stopping.signal.aborted) running?.end('gently');
    }
  }

  async #tryStart(): Promise<Running | undefined> {
    try {
      return await this.#options.start();
    } catch (error) {
      this.#options.log.error(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}
