// Orders to end a run before it ends by itself: the first one decides the outcome.
import type { FailureCode } from '@runyard/domain';

/** Why we end a run: somebody canceled it, or the failure it is going to have. */
export type StopReason = 'canceled' | Extract<FailureCode, 'timed_out' | 'stalled' | 'not_exiting' | 'worker_lost' | 'invalid_options' | 'internal'>;

export interface StopOrder {
  readonly reason: StopReason;
  /** For a person: what happened. */
  readonly message: string;
}

/** Collects orders; later ones change nothing. */
export class StopOrders {
  readonly #first = Promise.withResolvers<StopOrder>();
  #current: StopOrder | undefined;

  /** The order in force, if any. */
  get current(): StopOrder | undefined {
    return this.#current;
  }

  /** Resolves with the first order; stays open for ever when none comes. */
  get ordered(): Promise<StopOrder> {
    return this.#first.promise;
  }

  /** Orders the end of the run. */
  order(reason: StopReason, message: string): void {
    if (this.#current !== undefined) return;
    this.#current = { reason, message };
    this.#first.resolve(this.#current);
  }
}
