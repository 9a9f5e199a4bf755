// A run leaves its worker: the lease is over, or the worker gives it back.
import type { Redis } from 'ioredis';
import type { Dispatch, Lease } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { LEAVE_REASONS } from '../leaving.js';
import { CANCELED } from '../outcomes.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';
import { COMPANY_LUA } from './company-lua.js';

const lost = new Script(
  lua(`${COMPANY_LUA}
local id, canceled = unpack(ARGV, 2)
local now = now_ms()
local run = load(id)
if not run or not is_live(run) then
  redis.call('ZREM', P .. 'leases', id)
  return false
end
if run.lease_until > now then return false end
if not run.cancel_requested and not note_loss(run, now) then return false end
return leave_worker(run, now, '"lease_expired"', canceled, 'lease_expired')
`),
  EVEN_WHEN_FULL,
);

const back = new Script(
  lua(`${COMPANY_LUA}
local id, canceled, attempt, worker, reason, left = unpack(ARGV, 2)
local run = load(id)
if not run then return false end
if not is_held_by(run, attempt, worker) then
  -- Somebody noticed the end of the lease before its worker, which lives, could say so.
  if left == 'lease_lost' and not is_terminal(run) then take_back_loss(run, attempt, worker) end
  return false
end
-- A claim that gives the run back unchanged says nothing about the attempt before it.
if left == '' and run.spawned ~= run.attempt then left = nil end
return leave_worker(run, now_ms(), reason, canceled, left)
`),
  EVEN_WHEN_FULL,
);

/** Only when the lease is over by the clock of Redis; a loss that may be the last one only some seconds after the first call. Answers the dispatch that now needs a ticket. */
export async function redispatchLost(redis: Redis, keys: Keys, runId: string): Promise<Dispatch | undefined> {
  const reply = await lost.run(redis, [keys.run(runId), keys.events(runId)], [keys.prefix, runId, JSON.stringify(CANCELED)]);
  return dispatchOf(reply) ?? undefined;
}

/** Only for the current attempt; a reason that is a LeaveReason is kept as such. `lease_lost` takes back that the attempt was counted as a loss. Answers the dispatch that now needs a ticket. */
export async function requeue(redis: Redis, keys: Keys, { runId, attempt, workerId }: Lease, reason: string): Promise<Dispatch | undefined> {
  const args = [keys.prefix, runId, JSON.stringify(CANCELED), attempt, workerId, JSON.stringify(reason), LEAVE_REASONS.find((word) => word === reason) ?? ''];
  return dispatchOf(await back.run(redis, [keys.run(runId), keys.events(runId)], args)) ?? undefined;
}
