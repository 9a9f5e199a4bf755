// Names and settings of the queue, the same for producer and consumer.
import { LIMITS } from '@runyard/domain';

export const QUEUE_NAME = 'runs';
export const DEFAULT_PREFIX = 'runyard:bull';
export const JOB_NAME = 'run';

const KEPT = { age: 3600, count: 1000 };

/** Of each ticket. `attempts` 1: BullMQ must never decide that a run is tried again. */
export const JOB_OPTIONS = { attempts: 1, removeOnComplete: KEPT, removeOnFail: KEPT };

/** How long BullMQ waits before it delivers the ticket of a vanished consumer again, in milliseconds. */
export interface ReDelivery {
  readonly lockMs: number;
  readonly renewMs: number;
  readonly checkMs: number;
}

export const RE_DELIVERY: ReDelivery = { lockMs: 30_000, renewMs: 7_500, checkMs: 10_000 };

/** How often a ticket may be delivered again, and started, before BullMQ lets it fail: only backstops. */
export const MAX_STALLED = 10;
export const MAX_STARTS = 12;

const RECONNECT_MAX_MS = 1000;

/** Delay before the n-th attempt to connect again, in milliseconds. */
export function reconnectDelay(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 10), RECONNECT_MAX_MS);
}

/**
 * −10 … 10 (higher = sooner) → what BullMQ counts as 1 … 21 (lower = sooner). Never 0: BullMQ takes tickets without a priority
 * before all others.
 */
export function bullPriority(priority: number): number {
  return LIMITS.priority + 1 - priority;
}
