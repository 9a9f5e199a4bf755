// The consumer: takes tickets and hands them to the worker, as many at a time as it has capacity.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { WaitingError, Worker } from 'bullmq';
import type { Job } from 'bullmq';
import { Redis } from 'ioredis';
import { DEFAULT_PREFIX, JOB_OPTIONS, MAX_STALLED, MAX_STARTS, QUEUE_NAME, RE_DELIVERY, reconnectDelay } from './queue-settings.js';
import type { ReDelivery } from './queue-settings.js';
import type { RunQueueOptions } from './run-queue.js';
import { ticketOf } from './ticket.js';
import type { Ticket } from './ticket.js';

/** BullMQ would wait for Redis without end when it is closed while Redis is away. */
const CLOSE_MS = 5000;
const RETRY_MS = 1000;
/** Longer than BullMQ waits for a ticket in one command, 10 s. */
const SILENCE_MS = 15_000;

export interface RunConsumerOptions extends RunQueueOptions {
  /** Tickets at a time, at least 1. */
  readonly capacity: number;
  /**
   * Does what the ticket asks for, which may be newer than we are (isNewer). The ticket completes when it resolves and fails when it rejects; either way the run store
   * alone knows the state of the run. `signal` is aborted by close({force: true}).
   */
  readonly handle: (ticket: Ticket, signal: AbortSignal) => Promise<void>;
  /** Default 30 s, 7.5 s, 10 s. */
  readonly reDelivery?: ReDelivery;
}

export class RunConsumer {
  readonly #redis: Redis;
  readonly #worker: Worker<unknown, void>;
  readonly #handle: RunConsumerOptions['handle'];
  readonly #running = new Set<Promise<void>>();
  readonly #force = new AbortController();
  readonly #onError: (error: Error) => void;
  #takesMore = true;
  #taken = 0;
  #closing: Promise<void> | undefined;

  private constructor(options: RunConsumerOptions) {
    const { lockMs, renewMs, checkMs } = options.reDelivery ?? RE_DELIVERY;
    this.#handle = options.handle;
    this.#onError = options.onError ?? (() => {});
    // BullMQ makes a second connection like this one to wait for tickets.
    this.#redis = new Redis({
      keepAlive: 5000,
      socketTimeout: SILENCE_MS,
      ...options.redis,
      replyMapping: 'legacy',
      maxRetriesPerRequest: null,
      retryStrategy: reconnectDelay,
    });
    this.#worker = new Worker<unknown, void>(QUEUE_NAME, (job, token) => this.#take(job, token), {
      connection: this.#redis,
      prefix: options.prefix ?? DEFAULT_PREFIX,
      concurrency: options.capacity,
      lockDuration: lockMs,
      lockRenewTime: renewMs,
      stalledInterval: checkMs,
      maxStalledCount: MAX_STALLED,
      maxStartedAttempts: MAX_STARTS,
      runRetryDelay: RETRY_MS,
      removeOnComplete: JOB_OPTIONS.removeOnComplete,
      removeOnFail: JOB_OPTIONS.removeOnFail,
    });
    this.#worker.on('error', this.#onError);
    this.#worker.on('failed', (job, error) => this.#onError(new Error(`ticket ${job?.id} failed: ${error.message}`, { cause: error })));
  }

  /** Takes tickets from now on, and again by itself whenever Redis was away. */
  static open(options: RunConsumerOptions): RunConsumer {
    return new RunConsumer(options);
  }

  /** How many tickets are being handled. */
  busy(): number {
    return this.#running.size;
  }

  /** How many tickets were taken so far, unreadable ones included. */
  taken(): number {
    return this.#taken;
  }

  /** Takes no more tickets. Does not wait for those being handled. */
  async pause(): Promise<void> {
    this.#takesMore = false;
    await this.#worker.pause(true);
  }

  /** Takes tickets again after pause(); nothing once it is closed. */
  async resume(): Promise<void> {
    if (this.#closing !== undefined) return;
    this.#takesMore = true;
    await this.#worker.resume();
  }

  /** Takes no more tickets and waits for those being handled; with `force` it aborts their signal and does not wait. */
  async close({ force = false }: { readonly force?: boolean }): Promise<void> {
    this.#takesMore = false;
    if (force) this.#force.abort();
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    // Pausing first ends the fetching; the connections must stay open until the last ticket is completed.
    void this.#worker.pause(true);
    await Promise.race([this.#idle(), aborted(this.#force.signal)]);
    await Promise.race([this.#worker.close(this.#force.signal.aborted), delay(CLOSE_MS, undefined, { ref: false })]);
    this.#redis.disconnect();
  }

  async #idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #take(job: Job<unknown, void>, token: string | undefined): Promise<void> {
    if (!this.#takesMore) {
      // It was already on its way when this consumer was paused: others may have it.
      await job.moveToWait(token);
      throw new WaitingError();
    }
    this.#taken++;
    const ticket = this.#read(job);
    if (ticket === undefined) return;
    const running = this.#handle(ticket, this.#force.signal);
    this.#running.add(running);
    try {
      await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** One that cannot be read completes: should it have been of a run, that run gets another from whoever looks for lost tickets. */
  #read(job: Job<unknown, void>): Ticket | undefined {
    try {
      return ticketOf(job.data);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#onError(new Error(`ticket ${job.id} cannot be read and is dropped: ${reason}`, { cause }));
      return undefined;
    }
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
