// How a store is opened.
import type { RedisOptions } from 'ioredis';
import type { Role } from './connection.js';

export const DEFAULT_LEASE_MS = 15_000;
export const DEFAULT_ANSWER_MS = 5_000;
export const DEFAULT_PATIENCE_MS = 30_000;

export interface RunStoreOptions {
  /** ioredis options such as `{path}` or `{host, port}`. */
  readonly redis: RedisOptions;
  /** `api` fails fast with RedisUnavailableError, `worker` waits for Redis. */
  readonly role: Role;
  /** Finished logs above 64 KiB are kept in `<dataDir>/runs/<id>/log.zst`. */
  readonly dataDir: string;
  /** Default `runyard:`. */
  readonly prefix?: string;
  /** Default 15000. */
  readonly leaseMs?: number;
  /** Role `api`: how long a call waits for Redis to answer, in milliseconds. Default 5000: the CLIs may hog the machine. */
  readonly answerMs?: number;
  /** How long a follower rides out a Redis that is away. Default 30000. */
  readonly followPatienceMs?: number;
  /** Connection errors, for the log. */
  readonly onError?: (error: Error) => void;
}
