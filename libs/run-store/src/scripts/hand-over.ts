// hand-over: a worker that drains gives its run to another one, at a point where nothing was under way.
import type { Redis } from 'ioredis';
import type { Dispatch, Lease } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { CANCELED } from '../outcomes.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { spentJson } from '../spent.js';
import type { SpentSoFar } from '../spent.js';
import { FLUSH_RANGE, lastFlushArguments } from './append.js';
import type { LastFlush } from './append.js';
import { lua } from './common.js';

const script = new Script(
  lua(`${FLUSH_RANGE}
local id, attempt, worker, canceled, data, spent = unpack(ARGV, 2, 7)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run or int(run.attempt) ~= attempt then return false end
if not is_live(run) then
  -- The same command again after its reply was lost.
  local is_again = run.status == 'queued' and redis.call('HGET', key, 'handed_over') == attempt
  return is_again and {id, run.dispatch, run.priority}
end
if run.worker ~= worker then return false end
local events = last_events(run, 8)
note_spent(run, spent)
if run.cancel_requested then return end_run(run, now, 'canceled', canceled, events) end
events[#events + 1] = 'run.handed_over'
events[#events + 1] = data
append(run, now, events)
redis.call('HSET', key, 'handed_over', attempt)
-- Without a process of its own the attempt says nothing about the one that was lost before it.
local had_process = run.spawned == run.attempt
if had_process then forget_losses(run) end
return leave_worker(run, now, '"handed_over"', canceled, had_process and 'handed_over' or nil)
`),
  EVEN_WHEN_FULL,
);

/** Only for the current attempt. Answers the dispatch that now needs a ticket. */
export async function handOver(redis: Redis, keys: Keys, { runId, attempt, workerId }: Lease, last: LastFlush, spent: SpentSoFar | undefined): Promise<Dispatch | undefined> {
  const data = JSON.stringify({ worker_id: workerId });
  const args = [keys.prefix, runId, attempt, workerId, JSON.stringify(CANCELED), data, spent === undefined ? '' : spentJson(spent), ...lastFlushArguments(last)];
  return dispatchOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args)) ?? undefined;
}
