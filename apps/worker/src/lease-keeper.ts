// Keeps the lease of one run: renews it, and knows on the monotonic clock until when the process may live.
import type { RenewAnswer } from '@runyard/run-store';
import { monotonicMs } from './monotonic-clock.js';

/** How often the lease is renewed. */
export const RENEW_EVERY_MS = 4000;

/**
 * How long a process may live after the last confirmed renewal was *sent*. The lease itself is 15 s from its arrival,
 * so the process has ended, with 4 s to spare for killing it, before anybody else may claim the run.
 */
export const HOLD_MS = 11_000;

export interface LeaseKeeperOptions {
  readonly renew: () => Promise<RenewAnswer>;
  /** monotonicMs() from before the claim was sent. */
  readonly claimedAtMs: number;
  /** A renewal was confirmed; the process may live until `deadlineAtMs` of the monotonic clock. */
  readonly onRenewed: (answer: Extract<RenewAnswer, { kind: 'renewed' }>, deadlineAtMs: number) => void;
  /** The lease is gone or cannot be confirmed. Called once. */
  readonly onLost: (why: string) => void;
  readonly onError?: (error: unknown) => void;
  readonly renewEveryMs?: number;
  readonly holdMs?: number;
}

/** Works until `stop`, or until the lease is lost. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #holdMs: number;
  readonly #timer: NodeJS.Timeout;
  #deadline: NodeJS.Timeout;
  #deadlineAtMs: number;
  #renewing = false;
  #over = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#holdMs = options.holdMs ?? HOLD_MS;
    this.#deadlineAtMs = options.claimedAtMs + this.#holdMs;
    this.#timer = setInterval(() => void this.#renew(), options.renewEveryMs ?? RENEW_EVERY_MS);
    this.#deadline = this.#armDeadline();
  }

  /** Until when the process may live, on the monotonic clock. */
  get deadlineAtMs(): number {
    return this.#deadlineAtMs;
  }

  /** No more renewals and no more calls. */
  stop(): void {
    this.#over = true;
    clearInterval(this.#timer);
    clearTimeout(this.#deadline);
  }

  async #renew(): Promise<void> {
    // A connection to a silent Redis waits: one question at a time is enough.
    if (this.#renewing) return;
    this.#renewing = true;
    const sentAtMs = monotonicMs();
    try {
      const answer = await this.#options.renew();
      if (this.#over) return;
      if (answer.kind === 'lost') this.#lose('another worker may have the run: the store refused to renew its lease');
      else this.#confirm(answer, sentAtMs);
    } catch (error) {
      this.#options.onError?.(error);
    } finally {
      this.#renewing = false;
    }
  }

  #confirm(answer: Extract<RenewAnswer, { kind: 'renewed' }>, sentAtMs: number): void {
    this.#deadlineAtMs = sentAtMs + this.#holdMs;
    clearTimeout(this.#deadline);
    this.#deadline = this.#armDeadline();
    if (monotonicMs() < this.#deadlineAtMs) this.#options.onRenewed(answer, this.#deadlineAtMs);
  }

  #armDeadline(): NodeJS.Timeout {
    const leftMs = Math.max(0, this.#deadlineAtMs - monotonicMs());
    return setTimeout(() => this.#lose(`no renewal of its lease was confirmed within ${this.#holdMs} ms`), leftMs);
  }

  #lose(why: string): void {
    if (this.#over) return;
    this.stop();
    this.#options.onLost(why);
  }
}
