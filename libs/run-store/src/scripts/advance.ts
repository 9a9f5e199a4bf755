// advance: what time alone does to runs: those whose time has come enter the queue, those nobody claimed in time end, those that wait go on.
import type { Outcome, Trigger } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { Dispatch, EndedByTime } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { GAVE_UP } from '../outcomes.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local limit, random, without_reason = unpack(ARGV, 2)
local now, dispatches, ended = now_ms(), {}, {}
local function over(name) return redis.call('ZRANGEBYSCORE', P .. name, '-inf', int(now), 'LIMIT', 0, limit) end
for _, id in ipairs(over('expiries')) do
  redis.call('ZREM', P .. 'expiries', id)
  local run = load(id)
  if run and (run.status == 'queued' or (run.status == 'waiting' and run.attempt == 0)) then
    local next_dispatch = expire_run(run, now)
    if next_dispatch then dispatches[#dispatches + 1] = next_dispatch end
    ended[#ended + 1] = id
  end
end
for _, id in ipairs(over('due')) do
  redis.call('ZREM', P .. 'due', id)
  local run = load(id)
  local entered = run and run.status == 'queued' and run.dispatch == 0 and enter(run, now)
  if entered then dispatches[#dispatches + 1] = entered end
end
for _, id in ipairs(over('waits')) do
  redis.call('ZREM', P .. 'waits', id)
  local run = load(id)
  if run and run.status == 'waiting' and not run.held then
    local reason = redis.call('HGET', run_key(id), 'waiting_for')
    set_status(run, 'queued')
    dispatches[#dispatches + 1] = dispatch(run, now, '"' .. reason .. '"')
  end
end
give_up_waiting(now, limit, without_reason, dispatches, ended)
advance_upstreams(now, limit, random, dispatches)
for i, id in ipairs(ended) do ended[i] = redis.call('HMGET', run_key(id), 'trigger', 'outcome') end
return {dispatches, ended}
`),
);

export interface Advance {
  /** They need a ticket now. */
  readonly dispatches: Dispatch[];
  readonly ended: EndedByTime[];
}

/** At most `limit` of each kind, the longest overdue first. */
export async function advance(redis: Redis, keys: Keys, limit: number): Promise<Advance> {
  const [dispatches, ended] = listOf(await script.run(redis, [], [keys.prefix, limit, Math.random(), JSON.stringify(GAVE_UP)]));
  return { dispatches: listOf(dispatches).flatMap((reply) => dispatchOf(reply) ?? []), ended: listOf(ended).map(endedOf) };
}

function endedOf(reply: unknown): EndedByTime {
  const [trigger, outcome] = listOf(reply).map(textOf);
  return { trigger: trigger as Trigger, code: (JSON.parse(outcome ?? '') as Outcome).failure?.code ?? 'internal' };
}
