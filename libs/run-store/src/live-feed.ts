// New events on the channels that somebody follows: one subscription per channel, each message decoded once.
import type { LiveBuffer } from './live-buffer.js';
import type { Subscriber } from './subscriber.js';

export class LiveFeed<Message extends { readonly bytes: number }> {
  readonly #channels = new Map<string, Set<LiveBuffer<Message>>>();

  /** @param decode undefined for what cannot be read: then the log tells */
  constructor(
    private readonly subscriber: Subscriber,
    private readonly decode: (payload: Buffer) => Message | undefined,
  ) {}

  /** Delivers to `buffer` until `detach`. The buffer is marked stale once the subscription stands. */
  attach(channel: string, buffer: LiveBuffer<Message>): void {
    const buffers = this.#channels.get(channel);
    if (buffers !== undefined) {
      buffers.add(buffer);
      return;
    }
    const added = new Set([buffer]);
    this.#channels.set(channel, added);
    this.subscriber.listen(channel, {
      message: (payload) => {
        const message = this.decode(payload);
        for (const each of added) each.add(message);
      },
      subscribed: () => {
        for (const each of added) each.markStale();
      },
    });
  }

  detach(channel: string, buffer: LiveBuffer<Message>): void {
    const buffers = this.#channels.get(channel);
    if (!buffers?.delete(buffer) || buffers.size > 0) return;
    this.#channels.delete(channel);
    this.subscriber.forget(channel);
  }

  /** Ends every follower. */
  close(): void {
    for (const buffers of this.#channels.values()) for (const buffer of buffers) buffer.close();
  }

  /** How many buffers are attached. */
  get size(): number {
    let size = 0;
    for (const buffers of this.#channels.values()) size += buffers.size;
    return size;
  }
}
