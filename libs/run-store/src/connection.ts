// The connection to Redis: fails fast for the API, waits for the worker, and speaks of both in one error.
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { RedisUnavailableError } from './errors.js';

export type Role = 'api' | 'worker';

const CONNECT_MS = 5000;
const WORKER_RETRY_MS = 500;
/** A peer that went silent without closing is noticed only by this. Below the 11 s after which a worker ends its runs. */
const SILENCE_MS = 8000;
const RECONNECT_MAX_MS = 1000;

/** Redis answers, but will not work for now. */
const NOT_NOW = /(?:^|-)(?:LOADING|READONLY|MISCONF|OOM|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|BUSY|TRYAGAIN) /;
/** Redis answers, and waiting would not help. */
const NOT_ALLOWED = /(?:^|-)(?:NOAUTH|WRONGPASS|NOPERM) /;

/** The scripts expect the shapes of RESP2. */
export type ClientOptions = RedisOptions & { readonly replyMapping: 'legacy' };

/** Options for a connection that tries for ever to come back. */
export function reconnecting(redis: RedisOptions): ClientOptions {
  return {
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    keepAlive: 5000,
    ...redis,
    replyMapping: 'legacy',
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), RECONNECT_MAX_MS),
    // A primary that became a replica: look for the new one under the same address.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
  };
}

function optionsFor(role: Role, redis: RedisOptions, answerMs: number): ClientOptions {
  return role === 'api'
    ? { ...reconnecting(redis), enableOfflineQueue: false, maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, commandTimeout: answerMs }
    : { ...reconnecting(redis), enableOfflineQueue: true, maxRetriesPerRequest: null };
}

export class Connection {
  readonly #redis: Redis;
  readonly #role: Role;
  readonly #answerMs: number;
  #lastProblem: string | undefined;
  #closed = false;
  #opening: Promise<void> | undefined;

  /** @param answerMs how long the API waits for an answer, and for its first connection */
  constructor(role: Role, redis: RedisOptions, answerMs: number, onError: (error: Error) => void) {
    this.#role = role;
    this.#answerMs = answerMs;
    this.#redis = new Redis(optionsFor(role, redis, answerMs));
    this.#redis.on('error', (error: Error) => {
      this.#lastProblem = error.message;
      onError(error);
    });
    this.#redis.on('close', () => (this.#lastProblem ??= 'the connection was closed'));
    this.#redis.on('ready', () => (this.#lastProblem = undefined));
  }

  /**
   * Runs commands. Commands of the worker may be sent twice when a reply is lost, so they must bear that.
   * @throws RedisUnavailableError at once for the API; for the worker only after close() and when Redis refuses the credentials
   */
  async run<T>(commands: (redis: Redis) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        if (this.#role === 'api') await this.#ready();
        return await commands(this.#redis);
      } catch (error) {
        const problem = this.#problemOf(error);
        if (problem === undefined) throw error;
        if (this.#role === 'api' || this.#closed || NOT_ALLOWED.test(problem)) throw new RedisUnavailableError(`Redis: ${problem}`, { cause: error });
      }
      await delay(WORKER_RETRY_MS);
    }
  }

  /** Called after each return of Redis, and after the first connection. */
  onReady(listener: () => void): void {
    this.#redis.on('ready', listener);
  }

  close(): void {
    this.#closed = true;
    this.#redis.disconnect();
  }

  /** Waits for the first connection only: once it failed, calls fail at once until it is back. */
  async #ready(): Promise<void> {
    const { status } = this.#redis;
    if (status === 'ready') return;
    if (this.#closed) throw new RedisUnavailableError('Redis: the store is closed');
    const isConnecting = status === 'connecting' || status === 'connect' || status === 'wait';
    if (this.#lastProblem !== undefined || !isConnecting) throw new RedisUnavailableError(`Redis: ${this.#lastProblem ?? 'not connected'}`);
    this.#opening ??= this.#opened().finally(() => (this.#opening = undefined));
    await this.#opening;
  }

  #opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (problem?: string) => {
        clearTimeout(timer);
        this.#redis.off('ready', ready).off('close', closed);
        if (problem === undefined) resolve();
        else reject(new RedisUnavailableError(`Redis: ${problem}`));
      };
      const ready = () => settle();
      const closed = () => settle(this.#lastProblem ?? 'the connection was closed');
      const timer = setTimeout(() => settle(`no connection within ${this.#answerMs} ms`), this.#answerMs);
      this.#redis.on('ready', ready).on('close', closed);
    });
  }

  /** What is wrong with Redis, or undefined when the error is ours. */
  #problemOf(error: unknown): string | undefined {
    if (!(error instanceof Error)) return undefined;
    if (error instanceof RedisUnavailableError) return error.message.replace(/^Redis: /, '');
    if (error.name === 'ReplyError') return NOT_NOW.test(error.message) || NOT_ALLOWED.test(error.message) ? error.message : undefined;
    if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) return undefined;
    return error.message.includes("isn't writeable") ? (this.#lastProblem ?? 'not connected') : error.message;
  }
}
