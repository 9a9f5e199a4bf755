// The outcome of a run that nobody ran to its end.
import { failure, FAILURE_KINDS } from '@runyard/domain';
import type { Outcome } from '@runyard/domain';

/** Of a run that was canceled without a worker; what its attempts have cost is put in by the script that ends it, as far as a worker has said it. */
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
  failure: { code: 'expired', message: 'No worker took the run before its time was over: none had room, or the queue was paused.', retryable: FAILURE_KINDS.expired.retryable },
};

/** Of a run that waited for somebody to decide after its worker was lost. */
export const ABANDONED: Outcome = { ...CANCELED, status: 'failed', failure: failure('worker_lost', 'The run was abandoned after its worker was lost.') };

/** Of a run that is newer than every worker that took its ticket. */
export const NOT_UNDERSTOOD: Outcome = {
  ...CANCELED,
  status: 'failed',
  failure: {
    code: 'internal',
    message: 'No worker understands the version of this run: it was made by a newer one. Update the workers, then retry.',
    retryable: FAILURE_KINDS.internal.retryable,
  },
};

/** Of a run that waited too long for a service, when nothing is known of its trouble any more. */
export const GAVE_UP: Outcome = {
  ...CANCELED,
  status: 'failed',
  failure: failure('overloaded', 'The run waited for the model provider until its time of waiting was over.'),
};
