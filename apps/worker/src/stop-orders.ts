// Orders to end a run before it ends by itself: the first one decides the outcome.
import type { FailureCode } from '@runyard/domain';

/** Why we end a process: somebody canceled the run, another worker goes on with it, or the failure that the run is going to have. */
export type StopReason = 'canceled' | 'handed_over' | Extract<FailureCode, 'timed_out' | 'stalled' | 'not_exiting' | 'out_of_memory' | 'disk_full' | 'worker_lost' | 'invalid_options' | 'internal'>;

export interface StopOrder {
  readonly reason: StopReason;
  /** For a person: what happened. */
  readonly message: string;
}

/** An order that decides the outcome. */
export type FinalOrder = StopOrder & { readonly reason: Exclude<StopReason, 'handed_over'> };

export function isFinal(order: StopOrder): order is FinalOrder {
  return order.reason !== 'handed_over';
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
