// raise-attempt: Redis lost writes, and attempts above the one of the record have been under way.
import type { Redis } from 'ioredis';
import type { Dispatch, Lease } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { CANCELED } from '../outcomes.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id, attempt, worker, canceled, at_least = unpack(ARGV, 2)
local key = KEYS[1]
local run = load(id)
if not run then return false end
local mark = attempt .. ':' .. at_least
-- The same command again after its reply was lost.
if run.status == 'queued' and redis.call('HGET', key, 'raised') == mark then return {id, run.dispatch, run.priority} end
if not is_held_by(run, attempt, worker) then return false end
run.attempt = math.max(run.attempt, tonumber(at_least))
redis.call('HSET', key, 'attempt', int(run.attempt), 'raised', mark)
-- Whoever had those attempts may have started processes.
if tonumber(at_least) > run.spawned then redis.call('HSET', key, 'spawned', at_least) end
return leave_worker(run, now_ms(), '"attempt_raised"', canceled)
`),
  EVEN_WHEN_FULL,
);

/** Only for the current attempt. Answers the dispatch that now needs a ticket. */
export async function raiseAttempt(redis: Redis, keys: Keys, { runId, attempt, workerId }: Lease, atLeast: number): Promise<Dispatch | undefined> {
  if (!Number.isSafeInteger(atLeast) || atLeast < 0) throw new RangeError(`not the number of an attempt: ${atLeast}`);
  const args = [keys.prefix, runId, attempt, workerId, JSON.stringify(CANCELED), atLeast];
  return dispatchOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args)) ?? undefined;
}
