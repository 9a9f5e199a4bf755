// Ticks of schedules on BullMQ's job schedulers. A tick says only: look at this schedule now. It may come twice, late or never;
// what is due is decided in the run store.
import { Queue, Worker } from 'bullmq';
import type { Job } from 'bullmq';
import { Redis } from 'ioredis';
import { DEFAULT_PREFIX, RE_DELIVERY, reconnectDelay } from './queue-settings.js';
import { QueueUnavailableError } from './queue-unavailable-error.js';
import type { RunQueueOptions } from './run-queue.js';
import { nextSlot } from './slot-times.js';
import type { SlotRule } from './slot-times.js';

export const TICK_QUEUE = 'schedule-ticks';
const TICK_NAME = 'tick';
const TICKS_AT_ONCE = 8;
const ANSWER_MS = 5000;
const KEPT = { age: 3600, count: 200 };
const TICK_OPTIONS = { attempts: 1, removeOnComplete: KEPT, removeOnFail: KEPT };

/** Both the one who plans the next tick and the one who takes this one must know how rules are read. */
const SETTINGS = { repeatStrategy: (millis: number, { pattern = '', tz }: { readonly pattern?: string; readonly tz?: string }) => nextSlot(ruleOf(pattern, tz), millis) };

export interface PlannedTicks {
  /** The rule as BullMQ keeps it; compare it with patternOf(). */
  readonly pattern: string;
  readonly timezone: string;
  /** When the next tick is planned, in milliseconds; undefined when none is. */
  readonly nextMs: number | undefined;
}

export interface TickConsumer {
  close(): Promise<void>;
}

export class ScheduleTicks {
  readonly #options: RunQueueOptions;
  readonly #onError: (error: Error) => void;
  readonly #redis: Redis;
  readonly #queue: Queue<{ v: 1; scheduleId: string }>;

  private constructor(options: RunQueueOptions) {
    this.#options = options;
    this.#onError = options.onError ?? (() => {});
    this.#redis = new Redis({ keepAlive: 5000, ...options.redis, replyMapping: 'legacy', commandTimeout: ANSWER_MS, maxRetriesPerRequest: 1, retryStrategy: reconnectDelay });
    this.#queue = new Queue(TICK_QUEUE, { connection: this.#redis, prefix: options.prefix ?? DEFAULT_PREFIX, skipVersionCheck: true, settings: SETTINGS, defaultJobOptions: TICK_OPTIONS });
    this.#queue.on('error', this.#onError);
  }

  /** Connects in the background. */
  static open(options: RunQueueOptions): ScheduleTicks {
    return new ScheduleTicks(options);
  }

  /** Lets a schedule tick by this rule from now on. @throws QueueUnavailableError */
  async plan(scheduleId: string, rule: SlotRule): Promise<void> {
    const { pattern, timezone } = patternOf(rule);
    await promptly(this.#queue.upsertJobScheduler(scheduleId, { pattern, tz: timezone }, { name: TICK_NAME, data: { v: 1, scheduleId }, opts: TICK_OPTIONS }));
  }

  /** One more tick in `delayMs`; the same `atMs` makes one. @throws QueueUnavailableError */
  async later(scheduleId: string, atMs: number, delayMs: number): Promise<void> {
    await promptly(this.#queue.add(TICK_NAME, { v: 1, scheduleId }, { jobId: `${scheduleId}.${atMs}`, delay: delayMs }));
  }

  /** Ends the ticks of a schedule. @throws QueueUnavailableError */
  async forget(scheduleId: string): Promise<void> {
    await promptly(this.#queue.removeJobScheduler(scheduleId));
  }

  /** What is planned, by schedule id. @throws QueueUnavailableError */
  async planned(): Promise<ReadonlyMap<string, PlannedTicks>> {
    const schedulers = await promptly(this.#queue.getJobSchedulers(0, -1));
    return new Map(schedulers.map(({ key, pattern = '', tz = '', next }) => [key, { pattern, timezone: tz, nextMs: next }]));
  }

  /** Takes ticks from now on, several at a time, and again by itself whenever Redis was away. */
  consume(handle: (scheduleId: string) => Promise<void>): TickConsumer {
    const redis = new Redis({ keepAlive: 5000, ...this.#options.redis, replyMapping: 'legacy', maxRetriesPerRequest: null, retryStrategy: reconnectDelay });
    const take = async ({ data }: Job<unknown, void>): Promise<void> => {
      const { v, scheduleId } = (typeof data === 'object' && data !== null ? data : {}) as { v?: unknown; scheduleId?: unknown };
      if (v === 1 && typeof scheduleId === 'string') await handle(scheduleId);
    };
    const worker = new Worker<unknown, void>(TICK_QUEUE, take, {
      connection: redis,
      prefix: this.#options.prefix ?? DEFAULT_PREFIX,
      concurrency: TICKS_AT_ONCE,
      settings: SETTINGS,
      lockDuration: RE_DELIVERY.lockMs,
      stalledInterval: RE_DELIVERY.checkMs,
      removeOnComplete: KEPT,
      removeOnFail: KEPT,
    });
    worker.on('error', this.#onError);
    worker.on('failed', (job, error) => this.#onError(new Error(`tick ${job?.id} failed: ${error.message}`, { cause: error })));
    const close = async (): Promise<void> => {
      // BullMQ would wait for Redis without end when it is closed while Redis is away.
      // A second call would be answered with the first, so nothing is left but to cut the connection.
      await promptly(worker.close()).catch(this.#onError);
      redis.disconnect();
    };
    return { close };
  }

  async close(): Promise<void> {
    await promptly(this.#queue.close()).catch(this.#onError);
    this.#redis.disconnect();
  }
}

/** How BullMQ keeps a rule: intervals too are patterns, so that all ticks come at the times that the store decides by. */
export function patternOf(rule: SlotRule): { readonly pattern: string; readonly timezone: string } {
  return 'cron' in rule ? { pattern: rule.cron, timezone: rule.timezone } : { pattern: `every ${rule.everySeconds} s`, timezone: 'UTC' };
}

function ruleOf(pattern: string, timezone = 'UTC'): SlotRule {
  const everySeconds = /^every (\d+) s$/.exec(pattern)?.[1];
  return everySeconds === undefined ? { cron: pattern, timezone } : { everySeconds: Number(everySeconds) };
}

async function promptly<T>(work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw new QueueUnavailableError(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
