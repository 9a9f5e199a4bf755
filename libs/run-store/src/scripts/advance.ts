// advance: what time alone does to queued runs: those whose time has come enter the queue, those nobody claimed in time end.
import type { Redis } from 'ioredis';
import type { Dispatch } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { listOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local limit = ARGV[2]
local now, dispatches = now_ms(), {}
local function over(name) return redis.call('ZRANGEBYSCORE', P .. name, '-inf', int(now), 'LIMIT', 0, limit) end
for _, id in ipairs(over('expiries')) do
  redis.call('ZREM', P .. 'expiries', id)
  local run = load(id)
  local next_dispatch = run and run.status == 'queued' and expire_run(run, now)
  if next_dispatch then dispatches[#dispatches + 1] = next_dispatch end
end
for _, id in ipairs(over('due')) do
  redis.call('ZREM', P .. 'due', id)
  local run = load(id)
  local entered = run and run.status == 'queued' and run.dispatch == 0 and enter(run, now)
  if entered then dispatches[#dispatches + 1] = entered end
end
return dispatches
`),
);

/** At most `limit` of each kind, the longest overdue first. Answers the dispatches that now need a ticket. */
export async function advance(redis: Redis, keys: Keys, limit: number): Promise<Dispatch[]> {
  return listOf(await script.run(redis, [], [keys.prefix, limit])).flatMap((reply) => dispatchOf(reply) ?? []);
}
