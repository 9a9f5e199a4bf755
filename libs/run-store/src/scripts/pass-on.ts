// pass-on: a queued run is newer than the worker that got its ticket; another one may understand it.
import type { Redis } from 'ioredis';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import type { PassOnAnswer } from '../leaving.js';
import { NOT_UNDERSTOOD } from '../outcomes.js';
import { listOf, numberOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

/** How often in a row a run is passed on. */
export const MAX_PASSES = 20;

const script = new Script(
  lua(`
local id, number, outcome = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run or run.status ~= 'queued' or run.dispatch == 0 then return {'stale'} end
if int(run.dispatch) ~= number then
  -- The same command again after its reply was lost.
  local is_again = redis.call('HGET', key, 'passed') == number and run.dispatch == tonumber(number) + 1
  return is_again and {'passed_on', {id, run.dispatch, run.priority}, tonumber(redis.call('HGET', key, 'passes'))} or {'stale'}
end
local passes = redis.call('HINCRBY', key, 'passes', 1)
if passes > ${MAX_PASSES} then return {'exhausted', end_run(run, now, 'failed', outcome, {})} end
redis.call('HSET', key, 'passed', number)
redis.call('ZREM', P .. 'outbox', id .. '.' .. number)
return {'passed_on', dispatch(run, now, '"newer_version"'), passes}
`),
);

export async function passOn(redis: Redis, keys: Keys, runId: string, dispatch: number): Promise<PassOnAnswer> {
  const [kind, reply, passes] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], [keys.prefix, runId, dispatch, JSON.stringify(NOT_UNDERSTOOD)]));
  const next = dispatchOf(reply);
  if (textOf(kind) === 'exhausted') return { kind: 'exhausted', next };
  return next === null ? { kind: 'stale' } : { kind: 'passed_on', next, passes: numberOf(passes) };
}
