// postpone-compaction: a log that could not be compacted has its turn later, the later the more often that happened.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const FIRST_MS = 60_000;
const LONGEST_MS = 60 * 60_000;

const script = new Script(
  lua(`
local id = ARGV[2]
if not redis.call('ZSCORE', P .. 'compactions', id) then return 0 end
local failures = redis.call('HINCRBY', run_key(id), 'not_compacted', 1)
redis.call('ZADD', P .. 'compactions', int(now_ms() + math.min(${FIRST_MS} * 2 ^ (failures - 1), ${LONGEST_MS})), id)
return 1
`),
  EVEN_WHEN_FULL,
);

/** Without effect when the run is compacted, or forgotten. */
export async function postponeCompaction(redis: Redis, keys: Keys, runId: string): Promise<void> {
  await script.run(redis, [keys.run(runId), keys.compactions], [keys.prefix, runId]);
}
