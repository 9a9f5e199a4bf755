// New events of the runs that somebody follows: one subscription per run, each message decoded once.
import type { Keys } from './keys.js';
import type { LiveBuffer } from './live-buffer.js';
import { liveMessageOf } from './live-message.js';
import type { Subscriber } from './subscriber.js';

export class LiveFeed {
  readonly #runs = new Map<string, Set<LiveBuffer>>();

  constructor(
    private readonly subscriber: Subscriber,
    private readonly keys: Keys,
  ) {}

  /** Delivers to `buffer` until `detach`. The buffer is marked stale once the subscription stands. */
  attach(runId: string, buffer: LiveBuffer): void {
    const buffers = this.#runs.get(runId);
    if (buffers !== undefined) {
      buffers.add(buffer);
      return;
    }
    const added = new Set([buffer]);
    this.#runs.set(runId, added);
    this.subscriber.listen(this.keys.live(runId), {
      message: (payload) => {
        const message = liveMessageOf(payload);
        for (const each of added) each.add(message);
      },
      subscribed: () => {
        for (const each of added) each.markStale();
      },
    });
  }

  detach(runId: string, buffer: LiveBuffer): void {
    const buffers = this.#runs.get(runId);
    if (!buffers?.delete(buffer) || buffers.size > 0) return;
    this.#runs.delete(runId);
    this.subscriber.forget(this.keys.live(runId));
  }

  /** Ends every follower. */
  close(): void {
    for (const buffers of this.#runs.values()) for (const buffer of buffers) buffer.close();
  }

  /** How many buffers are attached. */
  get size(): number {
    let size = 0;
    for (const buffers of this.#runs.values()) size += buffers.size;
    return size;
  }
}
