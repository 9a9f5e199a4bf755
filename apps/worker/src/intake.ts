// Whether this worker takes tickets: it does while nobody has a reason against it.
import type { RunConsumer } from '@runyard/run-queue';

export interface IntakeOptions {
  readonly consumer: Pick<RunConsumer, 'pause' | 'resume'>;
  /** Whether it has left for good: then nothing is taken again. Asked each time. */
  readonly leaving: () => boolean;
  /** The queue did not take note; the next change tells it again. */
  readonly onError: (error: unknown) => void;
}

/** Several may hold it for reasons of their own; it opens when the last of them lets go. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #reasons = new Set<string>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Somebody holds it. */
  get isHeld(): boolean {
    return this.#reasons.size > 0;
  }

  /** No more tickets, until the same reason is let go. From this call on none is taken. */
  hold(reason: string): void {
    this.#reasons.add(reason);
    void this.#options.consumer.pause().catch(this.#options.onError);
  }

  letGo(reason: string): void {
    if (!this.#reasons.delete(reason) || this.isHeld || this.#options.leaving()) return;
    void this.#options.consumer.resume().catch(this.#options.onError);
  }
}
