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
  /** Data of an event above so many bytes is kept in `<dataDir>/runs/<id>/lines/`. Default 256 KiB. */
  readonly inlineBytes?: number;
  /** The live log of one run takes about so many bytes of Redis; what is older moves to `<dataDir>/runs/<id>/log-part-…zst`. Default 32 MiB. */
  readonly liveLogBytes?: number;
  /** Default `runyard:`. */
  readonly prefix?: string;
  /** Default 15000. */
  readonly leaseMs?: number;
  /** Role `api`: how long a call waits for Redis to answer, in milliseconds. Default 5000: the CLIs may hog the machine. */
  readonly answerMs?: number;
  /** How long a follower rides out a Redis that is away. Default 30000. */
  readonly followPatienceMs?: number;
  /** What could not be kept in the data directory and stays in Redis. Default: onError. */
  readonly onFileError?: (error: Error) => void;
  /** Redis had lost so many confirmed events of a run, and has them again. */
  readonly onRestored?: (runId: string, events: number) => void;
  /** Connection errors, for the log. */
  readonly onError?: (error: Error) => void;
}
