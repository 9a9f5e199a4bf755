// cancel: ends a run that has no process at once, and asks the worker of any other.
import type { Redis } from 'ioredis';
import type { CancelAnswer } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { CANCELED } from '../outcomes.js';
import { recordOf } from '../parse-record.js';
import { listOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id, input_id, canceled = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run then return {'not_found'} end
if is_terminal(run) then return {'already_terminal', record(id, now)} end
if not is_live(run) then
  redis.call('HSETNX', key, 'cancel_requested', int(now))
  local next_dispatch = end_run(run, now, 'canceled', canceled, {})
  return {'canceled', record(id, now), next_dispatch}
end
if redis.call('HSETNX', key, 'cancel_requested', int(now)) == 1 then
  redis.call('XADD', key .. ':inbox', '*', 'id', input_id, 'type', 'cancel', 'data', '{}')
  append(run, now, {'input.received', '{"input_id":"' .. input_id .. '","type":"cancel"}'})
  if run.worker then redis.call('PUBLISH', P .. 'worker:' .. run.worker .. ':signals', '{"run_id":"' .. id .. '","type":"cancel"}') end
end
return {'requested', record(id, now)}
`),
  EVEN_WHEN_FULL,
);

export async function cancel(redis: Redis, keys: Keys, runId: string, inputId: string): Promise<CancelAnswer> {
  const args = [keys.prefix, runId, inputId, JSON.stringify(CANCELED)];
  const [reply, run, next] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args));
  const kind = textOf(reply);
  if (kind !== 'canceled' && kind !== 'requested' && kind !== 'already_terminal') return { kind: 'not_found' };
  return { kind, run: recordOf(run), next: dispatchOf(next) };
}
