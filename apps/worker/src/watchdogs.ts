// Notices a run that takes too long, says nothing, or does not end, and orders its stop. Pure: the caller brings the clock.
import { silenceLimitMs } from '@runyard/claude';
import type { BashTimes, TurnTracker } from '@runyard/claude';
import type { WorkerSettings } from '@runyard/config';
import type { StopOrders } from './stop-orders.js';

/** How often to look. */
export const WATCH_EVERY_MS = 250;

export type WatchdogLimits = Pick<WorkerSettings, 'firstMessageTimeoutMs' | 'silenceTimeoutMs' | 'exitTimeoutMs'> & {
  /** When the operator changed how long commands may take. */
  readonly bashTimes?: BashTimes;
};

/** What the watchdogs look at; times are of the clock that `check` is given. */
export interface WatchedRun {
  readonly tracker: Pick<TurnTracker, 'sawMessage' | 'openPermissions' | 'openTools' | 'backgroundTaskCount' | 'turnOpen'>;
  /** The process was started. */
  readonly startedAtMs: number;
  readonly silentSinceMs: number;
  /** Its input was closed because nothing is left to do. */
  readonly inputClosedAtMs: number | undefined;
}

/** Orders a stop when a limit is passed. The wall clock has its own timer, because it also runs while there is no process. */
export function checkWatchdogs(run: WatchedRun, limits: WatchdogLimits, orders: StopOrders, nowMs: number): void {
  const { tracker, startedAtMs, silentSinceMs, inputClosedAtMs } = run;
  if (!tracker.sawMessage) {
    if (nowMs - startedAtMs > limits.firstMessageTimeoutMs) orders.order('stalled', `The CLI said nothing within ${seconds(limits.firstMessageTimeoutMs)} of its start.`);
  } else if (inputClosedAtMs !== undefined) {
    if (nowMs - inputClosedAtMs > limits.exitTimeoutMs) orders.order('not_exiting', `The CLI did not end within ${seconds(limits.exitTimeoutMs)} of its last answer.`);
  } else {
    const limitMs = silenceLimit(tracker, limits);
    if (limitMs !== undefined && nowMs - silentSinceMs > limitMs) orders.order('stalled', `The CLI was silent for ${seconds(limitMs)}.`);
  }
}

/** The setting counts while Claude thinks; a tool may take its own time. */
function silenceLimit(tracker: WatchedRun['tracker'], limits: WatchdogLimits): number | undefined {
  const healthyMs = silenceLimitMs(tracker, limits.bashTimes);
  return healthyMs === undefined || tracker.openTools.length > 0 ? healthyMs : limits.silenceTimeoutMs;
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
