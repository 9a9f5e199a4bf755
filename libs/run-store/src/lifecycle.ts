// What happens to all runs, without their output: for lists and dashboards. Pub/sub wakes, the stream tells.
import { setTimeout as delay } from 'node:timers/promises';
import type { LifecycleEvent, LifecycleQuery, LifecycleReset } from './answers.js';
import type { Connection } from './connection.js';
import { RedisUnavailableError } from './errors.js';
import { eventsOfFrames } from './event-frames.js';
import type { Keys } from './keys.js';
import { LiveBuffer } from './live-buffer.js';
import { LiveFeed } from './live-feed.js';
import { readLifecycle } from './scripts/read-lifecycle.js';
import type { LifecyclePart } from './scripts/read-lifecycle.js';
import type { Subscriber } from './subscriber.js';

const PAGE_EVENTS = 256;
const RETRY_MS = 250;

export interface LifecycleMessage extends LifecycleEvent {
  readonly bytes: number;
}

/** `<number> <run id>`, a line break and one frame. undefined for anything else: then the stream tells. */
export function lifecycleMessageOf(payload: Buffer): LifecycleMessage | undefined {
  const headEnd = payload.indexOf('\n');
  const [, number, runId] = /^(\d{1,15}) (\S+)$/.exec(payload.toString('latin1', 0, Math.max(0, headEnd))) ?? [];
  if (number === undefined || runId === undefined) return undefined;
  try {
    const [event] = eventsOfFrames(payload.subarray(headEnd + 1));
    return event && { kind: 'event', number: Number(number), runId, event, bytes: payload.length };
  } catch {
    return undefined;
  }
}

export class Lifecycle {
  readonly #feed: LiveFeed<LifecycleMessage>;

  /** @param patienceMs how long reading may fail before a follower gives up */
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    subscriber: Subscriber,
    private readonly patienceMs: number,
  ) {
    this.#feed = new LiveFeed(subscriber, lifecycleMessageOf);
  }

  /** Number of the latest event: where to begin following. @throws RedisUnavailableError */
  async last(): Promise<number> {
    return (await this.connection.run((redis) => readLifecycle(redis, this.keys, undefined, 0))).last;
  }

  /** The `run.*` and `permission.*` events of all runs after a number, then live, until abort. @throws RedisUnavailableError */
  async *follow(query: LifecycleQuery): AsyncGenerator<LifecycleEvent | LifecycleReset> {
    const { lifecycleLive } = this.keys;
    const buffer = new LiveBuffer<LifecycleMessage>();
    const stop = () => {
      this.#feed.detach(lifecycleLive, buffer);
      buffer.wake();
    };
    if (query.signal.aborted) return;
    // At once on abort, also while the consumer is busy with an event and may never ask for the next.
    query.signal.addEventListener('abort', stop, { once: true });
    this.#feed.attach(lifecycleLive, buffer);
    try {
      yield* new LifecycleFollower((after) => this.#read(after, query.signal), buffer, query).events();
    } finally {
      query.signal.removeEventListener('abort', stop);
      stop();
    }
  }

  /** How many followers there are in this process. */
  get viewers(): number {
    return this.#feed.size;
  }

  /** Ends every follower. */
  close(): void {
    this.#feed.close();
  }

  /** A page; undefined when aborted. A Redis that is away for a while is waited for. */
  async #read(after: number, signal: AbortSignal): Promise<LifecyclePart | undefined> {
    let failingSince: number | undefined;
    while (!signal.aborted) {
      try {
        return await this.connection.run((redis) => readLifecycle(redis, this.keys, after, PAGE_EVENTS));
      } catch (error) {
        failingSince ??= performance.now();
        if (!(error instanceof RedisUnavailableError) || performance.now() - failingSince > this.patienceMs) throw error;
      }
      await delay(RETRY_MS, undefined, { signal }).catch(() => {}); // aborted: the loop ends
    }
    return undefined;
  }
}

class LifecycleFollower {
  #cursor: number;

  constructor(
    private readonly read: (after: number) => Promise<LifecyclePart | undefined>,
    private readonly buffer: LiveBuffer<LifecycleMessage>,
    private readonly query: LifecycleQuery,
  ) {
    this.#cursor = query.after;
  }

  async *events(): AsyncGenerator<LifecycleEvent | LifecycleReset> {
    while (!this.#done()) {
      if (this.buffer.beginReading()) yield* this.#fromStream();
      else yield* this.#fromBuffer();
      if (!this.#done()) await this.buffer.changed();
    }
  }

  #done(): boolean {
    return this.query.signal.aborted || this.buffer.closed;
  }

  async *#fromStream(): AsyncGenerator<LifecycleEvent | LifecycleReset> {
    while (!this.#done()) {
      const part = await this.read(this.#cursor);
      if (part === undefined) return;
      if (this.#cursor > part.last || this.#cursor < part.first - 1) {
        this.#cursor = part.last;
        yield { kind: 'reset', number: part.last };
        continue;
      }
      for (const payload of part.payloads) {
        const message = lifecycleMessageOf(payload);
        if (message === undefined || this.#done()) continue;
        this.#cursor = message.number;
        yield message;
      }
      if (part.payloads.length < PAGE_EVENTS) return;
    }
  }

  /** Numbers are dense: a hole sends back to the stream. */
  async *#fromBuffer(): AsyncGenerator<LifecycleEvent> {
    for (let message = this.buffer.take(); message !== undefined && !this.#done(); message = this.buffer.take()) {
      if (message.number <= this.#cursor) continue;
      if (message.number > this.#cursor + 1) {
        this.buffer.markStale();
        return;
      }
      this.#cursor = message.number;
      yield message;
    }
  }
}
