// What may be done to tickets by hand. Runs bear a ticket that is lost, late or doubled, not one that says something else.
import type { BeforeHook } from '@bull-board/api/typings/app';

/** Changes after which every run is still served: a stale ticket has no effect, a lost one is sent again. */
const BEARABLE: ReadonlySet<string> = new Set([
  '/api/queues/pause',
  '/api/queues/resume',
  '/api/queues/:queueName/pause',
  '/api/queues/:queueName/resume',
  '/api/queues/:queueName/empty',
  '/api/queues/:queueName/promote',
  '/api/queues/:queueName/retry/:queueStatus',
  '/api/queues/:queueName/clean/:queueStatus',
  '/api/queues/:queueName/:jobId/retry',
  '/api/queues/:queueName/:jobId/promote',
  '/api/queues/:queueName/:jobId/clean',
]);

const INSTEAD = 'Runyard decides this by itself. Create, reorder and end runs, and change schedules, through its API or the runyard command.';

/** A hook of bull-board: reading and the changes above go on, everything else, also of later versions, is refused. */
export const refuseWhatRunsDoNotBear: BeforeHook = ({ method, route }) =>
  method === 'get' || BEARABLE.has(route) ? undefined : { allow: false, status: 403, message: INSTEAD };
