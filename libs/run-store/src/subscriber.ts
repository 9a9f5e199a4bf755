// The one subscriber connection of a process: opened for the first channel, kept alive, resubscribed by itself.
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { reconnecting } from './connection.js';
import type { ClientOptions } from './connection.js';

export interface ChannelListener {
  message(payload: Buffer): void;
  /** The channel is subscribed (again): whatever was published before may have been missed. */
  subscribed(): void;
}

/** A connection that died without a word is found by this within its interval and the socket timeout. */
const PING_MS = 5000;

export class Subscriber {
  readonly #channels = new Map<string, ChannelListener>();
  readonly #options: ClientOptions;
  readonly #onError: (error: Error) => void;
  #redis: Redis | undefined;
  #pings: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(redis: RedisOptions, onError: (error: Error) => void) {
    // Only this class subscribes, after each connect, so that it knows when the subscription is really there.
    this.#options = { ...reconnecting(redis), autoResubscribe: false, enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 };
    this.#onError = onError;
  }

  /** One listener per channel. */
  listen(channel: string, listener: ChannelListener): void {
    if (this.#closed) return;
    this.#channels.set(channel, listener);
    const redis = (this.#redis ??= this.#connect());
    if (redis.status === 'ready') void this.#subscribe(redis, [channel]);
  }

  forget(channel: string): void {
    if (!this.#channels.delete(channel) || this.#redis?.status !== 'ready') return;
    this.#redis.unsubscribe(channel).catch(() => {}); // the connection is gone, and the subscription with it
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#pings);
    this.#channels.clear();
    this.#redis?.disconnect();
  }

  #connect(): Redis {
    const redis = new Redis(this.#options);
    redis.on('error', this.#onError);
    redis.on('messageBuffer', (channel: Buffer, payload: Buffer) => this.#channels.get(channel.toString())?.message(payload));
    redis.on('ready', () => {
      if (this.#channels.size > 0) void this.#subscribe(redis, [...this.#channels.keys()]);
    });
    this.#pings = setInterval(() => {
      if (redis.status === 'ready') redis.ping().catch(() => {}); // the socket timeout reconnects
    }, PING_MS);
    this.#pings.unref();
    return redis;
  }

  async #subscribe(redis: Redis, channels: string[]): Promise<void> {
    const listeners = new Map(channels.map((channel) => [channel, this.#channels.get(channel)]));
    try {
      await redis.subscribe(...channels);
    } catch {
      return; // the connection is gone: `ready` subscribes again
    }
    // Somebody may have left, or left and come back, in the meantime.
    for (const [channel, listener] of listeners) if (this.#channels.get(channel) === listener) listener?.subscribed();
  }
}
