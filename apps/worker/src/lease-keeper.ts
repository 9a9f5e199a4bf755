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

const BEFORE_THE_WARDEN_MS = 500;
/** With two on their way a lease survives answers that take 6 s. */
const UNANSWERED_AT_MOST = 2;

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
  #timer: NodeJS.Timeout;
  #deadline: NodeJS.Timeout;
  #deadlineAtMs: number;
  #lastSentAtMs: number;
  #unanswered = 0;
  #over = false;
  #lost = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#holdMs = options.holdMs ?? HOLD_MS;
    this.#deadlineAtMs = options.claimedAtMs + this.#holdMs;
    this.#lastSentAtMs = options.claimedAtMs;
    this.#timer = this.#armRenewal();
    this.#deadline = this.#armDeadline();
  }

  /** Until when the process may live, on the monotonic clock: for the warden. */
  get deadlineAtMs(): number {
    return this.#deadlineAtMs;
  }

  /**
   * Whether the lease is still held. To be asked before anything is done in its name: a process that goes on after a stop
   * hears first what came over its pipes meanwhile, and only then its timers.
   */
  check(): boolean {
    if (monotonicMs() >= this.#ownDeadlineAtMs()) this.#lose(this.#unconfirmed());
    return !this.#lost;
  }

  /** No more renewals and no more calls. */
  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
  }

  // Counted from when the last one was sent, the claim itself included: answers that take their time must not delay the next question.
  #armRenewal(): NodeJS.Timeout {
    const dueAtMs = this.#lastSentAtMs + (this.#options.renewEveryMs ?? RENEW_EVERY_MS);
    return setTimeout(() => {
      void this.#renew();
      if (!this.#over) this.#timer = this.#armRenewal();
    }, Math.max(0, dueAtMs - monotonicMs()));
  }

  async #renew(): Promise<void> {
    const sentAtMs = monotonicMs();
    this.#lastSentAtMs = sentAtMs;
    // A connection to a silent Redis waits: more questions than these would not help.
    if (this.#unanswered >= UNANSWERED_AT_MOST) return;
    this.#unanswered += 1;
    try {
      const answer = await this.#options.renew();
      // An answer that comes too late finds processes that the warden has ended.
      if (this.#over || !this.check()) return;
      if (answer.kind === 'lost') this.#lose('another worker may have the run: the store refused to renew its lease');
      else this.#confirm(answer, sentAtMs);
    } catch (error) {
      this.#options.onError?.(error);
    } finally {
      this.#unanswered -= 1;
    }
  }

  #confirm(answer: Extract<RenewAnswer, { kind: 'renewed' }>, sentAtMs: number): void {
    this.#deadlineAtMs = Math.max(this.#deadlineAtMs, sentAtMs + this.#holdMs);
    clearTimeout(this.#deadline);
    this.#deadline = this.#armDeadline();
    if (monotonicMs() < this.#ownDeadlineAtMs()) this.#options.onRenewed(answer, this.#deadlineAtMs);
  }

  #armDeadline(): NodeJS.Timeout {
    const leftMs = Math.max(0, this.#ownDeadlineAtMs() - monotonicMs());
    return setTimeout(() => this.#lose(this.#unconfirmed()), leftMs);
  }

  /** A little before the warden's: whoever is awake knows that the lease is lost before its processes are seen to die. */
  #ownDeadlineAtMs(): number {
    return this.#deadlineAtMs - Math.min(BEFORE_THE_WARDEN_MS, this.#holdMs / 10);
  }

  #unconfirmed(): string {
    return `no renewal of its lease was confirmed within ${this.#holdMs} ms`;
  }

  #lose(why: string): void {
    if (this.#over) return;
    this.stop();
    this.#lost = true;
    this.#options.onLost(why);
  }
}
