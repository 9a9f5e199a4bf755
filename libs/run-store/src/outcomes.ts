// The outcome of a run that nobody ran to its end.
import { FAILURE_KINDS } from '@runyard/domain';
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

/** Of a run that no worker claimed in time. */
export const EXPIRED: Outcome = {
  ...CANCELED,
  status: 'failed',
  failure: { code: 'expired', message: 'No worker had room for the run before its time was over.', retryable: FAILURE_KINDS.expired.retryable },
};
