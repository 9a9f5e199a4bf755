// The outcome of a run that nobody ran to its end.
import type { Outcome } from '@runyard/domain';

/** Of a run that was canceled without a worker: nothing is known of what an earlier attempt may have cost. */
export const CANCELED: Outcome = {
  status: 'canceled',
  failure: null,
  result: null,
  structured_output: null,
  usage: null,
  cost_usd: null,
  cost_estimated: false,
  num_turns: null,
  duration_ms: null,
};
