// The rows of the fault table. The long ones begin first, so that none is alone at the end.
import type { Row } from '../row.ts';
import { workerKilled } from './row-01-worker-killed.ts';
import { splitBrain } from './row-02-split-brain.ts';
import { redisGone } from './row-03-redis-gone.ts';
import { rollback } from './row-04-rollback.ts';
import { hangs } from './row-05-hangs.ts';
import { processTrees } from './row-06-process-trees.ts';
import { rollingRestart } from './row-07-rolling-restart.ts';
import { cancelRaces } from './row-08-cancel-races.ts';
import { viewersUnderKills } from './row-09-viewers.ts';
import { poison } from './row-10-poison.ts';
import { storms } from './row-11-storms.ts';

export const rows: readonly Row[] = [
  workerKilled, splitBrain, storms, hangs, redisGone, rollingRestart, poison, rollback, processTrees, cancelRaces, viewersUnderKills,
];
