// Outcomes of runs that ended without a word from Claude.
import { failure } from '@runyard/domain';
import type { Failure, Outcome } from '@runyard/domain';
import type { ActiveRun } from './active-runs.js';
import { monotonicMs } from './monotonic-clock.js';
import type { FinalOrder } from './stop-orders.js';

const NOTHING = {
  result: null,
  structured_output: null,
  usage: null,
  cost_usd: null,
  cost_estimated: false,
  num_turns: null,
  duration_ms: null,
} as const;

export function failedOutcome(why: Failure): Outcome {
  return { status: 'failed', failure: why, ...NOTHING };
}

/** The outcome of a run that was stopped before Claude was started. */
export function stoppedOutcome({ reason, message }: FinalOrder): Outcome {
  return reason === 'canceled' ? { status: 'canceled', failure: null, ...NOTHING } : failedOutcome(failure(reason, message));
}

/** Whole milliseconds since the run was claimed. */
export function elapsedMs(active: ActiveRun): number {
  return Math.round(monotonicMs() - active.claimedAtMs);
}
