// The producer: puts tickets into the queue, or says at once that it cannot.
import { TICKET_VERSION } from '@runyard/domain';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { QueueBoard } from './queue-board.js';
import type { RunNames } from './queue-board.js';
import { bullPriority, DEFAULT_PREFIX, JOB_NAME, JOB_OPTIONS, QUEUE_NAME, reconnectDelay } from './queue-settings.js';
import { QueueUnavailableError } from './queue-unavailable-error.js';
import { ticketId } from './ticket.js';
import type { Ticket } from './ticket.js';
import { waitingTickets } from './waiting-tickets.js';
import type { WaitingTickets } from './waiting-tickets.js';

const ANSWER_MS = 5000;
/** Of BullMQ's own event stream, which nobody here reads. */
const KEPT_EVENTS = 1000;
const SILENCE_MS = 8000;
const NOT_FOR_NOW = /(?:^|-)(?:LOADING|READONLY|MISCONF|OOM|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|BUSY|TRYAGAIN|NOAUTH|WRONGPASS|NOPERM) /;

export interface RunQueueOptions {
  /** ioredis options such as `{path}` or `{host, port}`. */
  readonly redis: RedisOptions;
  /** Default `runyard:bull`. */
  readonly prefix?: string;
  /** Connection errors and failed tickets, for the log. */
  readonly onError?: (error: Error) => void;
}

export interface NewTicket extends Pick<Ticket, 'runId' | 'dispatch'> {
  /** −10 … 10, default 0; a higher number is taken sooner. */
  readonly priority?: number;
  /** Default: our own. Who hands a newer ticket on keeps its version. */
  readonly v?: number;
  /** No worker takes it for so long. Default 0. */
  readonly delayMs?: number;
}

export class RunQueue {
  readonly #redis: Redis;
  readonly #queue: Queue<Ticket>;
  /** Why there is no connection, once one failed. */
  #problem: string | undefined;
  readonly #waiting = new Set<() => void>();

  private constructor({ redis, prefix = DEFAULT_PREFIX, onError = () => {} }: RunQueueOptions) {
    this.#redis = new Redis({
      connectTimeout: ANSWER_MS,
      keepAlive: 5000,
      ...redis,
      replyMapping: 'legacy',
      socketTimeout: SILENCE_MS,
      commandTimeout: ANSWER_MS,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: reconnectDelay,
    });
    this.#redis.on('error', (error: Error) => (this.#problem = error.message));
    this.#redis.on('close', () => {
      this.#problem ??= 'the connection was closed';
      for (const giveUp of this.#waiting) giveUp();
    });
    this.#redis.on('ready', () => (this.#problem = undefined));
    // Without the version check nothing can fail between the connection and the first ticket.
    this.#queue = new Queue(QUEUE_NAME, {
      connection: this.#redis,
      prefix,
      skipVersionCheck: true,
      defaultJobOptions: JOB_OPTIONS,
      streams: { events: { maxLen: KEPT_EVENTS } },
    });
    this.#queue.on('error', onError);
  }

  /** Connects in the background. */
  static open(options: RunQueueOptions): RunQueue {
    return new RunQueue(options);
  }

  /** Adds the ticket of a dispatch. The same dispatch twice makes one ticket. @throws QueueUnavailableError */
  async enqueue({ runId, dispatch, priority = 0, v = TICKET_VERSION, delayMs = 0 }: NewTicket): Promise<void> {
    const options = { jobId: ticketId({ runId, dispatch }), priority: bullPriority(priority), delay: delayMs };
    await this.#promptly(() => this.#queue.add(JOB_NAME, { v, runId, dispatch }, options));
  }

  /** Takes back a ticket that is of no use any more, unless a worker has it. @throws QueueUnavailableError */
  async withdraw(dispatch: Pick<Ticket, 'runId' | 'dispatch'>): Promise<void> {
    await this.#promptly(() => this.#queue.remove(ticketId(dispatch)));
  }

  /** How many tickets wait for a worker. @throws QueueUnavailableError */
  depth(): Promise<number> {
    return this.#promptly(() => this.#queue.getJobCountByTypes('waiting', 'prioritized'));
  }

  /**
   * A page of the tickets that no worker has, those that are delayed included: `from` is 0 or `next` of the page before. While tickets
   * come and go a page may leave some out. @throws QueueUnavailableError
   */
  waiting(from: number, limit: number): Promise<WaitingTickets> {
    return this.#promptly(() => waitingTickets(this.#queue, from, limit));
  }

  /** No worker takes a ticket until resume(). What runs goes on. @throws QueueUnavailableError */
  pause(): Promise<void> {
    return this.#promptly(() => this.#queue.pause());
  }

  /** @throws QueueUnavailableError */
  resume(): Promise<void> {
    return this.#promptly(() => this.#queue.resume());
  }

  /** @throws QueueUnavailableError */
  isPaused(): Promise<boolean> {
    return this.#promptly(() => this.#queue.isPaused());
  }

  /**
   * Those of these dispatches that have no ticket that a worker will take, because it was removed or is over. They can be
   * enqueued again: what was left of an old ticket is gone. @throws QueueUnavailableError
   */
  async withoutTicket<T extends { readonly runId: string; readonly dispatch: number }>(dispatches: readonly T[]): Promise<T[]> {
    const waiting = await this.#promptly(() => Promise.all(dispatches.map((dispatch) => this.#isWaiting(ticketId(dispatch)))));
    return dispatches.filter((_, index) => !waiting[index]);
  }

  /** The queue for the dashboard, which shows each ticket with the name of its run. What is done there goes past the run store. */
  forBoard(names: RunNames): QueueBoard {
    return new QueueBoard(this.#queue, names);
  }

  /** @throws QueueUnavailableError when tickets cannot be had now */
  async ping(): Promise<void> {
    await this.#promptly(() => this.#redis.ping());
  }

  async #isWaiting(id: string): Promise<boolean> {
    const state = await this.#queue.getJobState(id);
    if (state === 'unknown') return false;
    if (state !== 'completed' && state !== 'failed') return true;
    // BullMQ adds no ticket under an id that its history knows.
    await this.#queue.remove(id);
    return false;
  }

  async close(): Promise<void> {
    await this.#queue.close();
    this.#redis.disconnect();
  }

  async #promptly<T>(work: () => Promise<T>): Promise<T> {
    if (this.#problem !== undefined) throw new QueueUnavailableError(`Redis: ${this.#problem}`);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(new QueueUnavailableError(`Redis: ${this.#problem ?? `no answer within ${ANSWER_MS} ms`}`));
    const timer = setTimeout(giveUp, ANSWER_MS);
    this.#waiting.add(giveUp);
    try {
      return await Promise.race([work(), late]);
    } catch (error) {
      throw isOurDefect(error) ? error : new QueueUnavailableError(error instanceof Error ? error.message : String(error), { cause: error });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(giveUp);
    }
  }
}

function isOurDefect(error: unknown): boolean {
  if (error instanceof QueueUnavailableError || error instanceof TypeError) return true;
  return error instanceof Error && error.name === 'ReplyError' && !NOT_FOR_NOW.test(error.message);
}
