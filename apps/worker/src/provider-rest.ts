// A worker that its provider refuses leaves the runs to workers that can do them, and asks with one run from time to time.
import type { Stance } from '@runyard/run-store';
import type { Logger } from '@runyard/telemetry';
import type { Intake } from './intake.js';

const WHY = 'provider';

export interface ProviderRestOptions {
  /** What the store says now; never `rest` while nobody else could do the runs. */
  readonly stance: () => Promise<Stance>;
  /** As soon as there is one. */
  readonly intake: () => Pick<Intake, 'hold' | 'letGo'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export class ProviderRest {
  readonly #options: ProviderRestOptions;
  #stance: Stance = 'go_on';
  #looking: Promise<void> | undefined;

  constructor(options: ProviderRestOptions) {
    this.#options = options;
  }

  /** Asks the store and does what it says. To be called every few seconds; a store that does not answer changes nothing. */
  look(): Promise<void> {
    this.#looking ??= this.#options
      .stance()
      .then((stance) => this.#take(stance), (error: unknown) => this.#options.log.warn({ err: error }, 'whether others can do the runs is not known'))
      .finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** The store has just given a run to others. From this call on no ticket is taken, until a look says otherwise. */
  rest(): void {
    this.#take('rest');
  }

  /** A ticket was taken: when it is the one to ask with, there is no second one. */
  onTicket(): void {
    if (this.#stance === 'ask') this.#take('rest');
  }

  #take(stance: Stance): void {
    if (stance === this.#stance) return;
    const before = this.#stance;
    this.#stance = stance;
    const { intake, log } = this.#options;
    if (stance === 'rest') intake().hold(WHY);
    else intake().letGo(WHY);
    if (before === 'go_on') log.warn('this worker cannot use its provider and others can: it leaves the runs to them');
    if (stance === 'go_on') log.info('runs are taken again');
  }
}
