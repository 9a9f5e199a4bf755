// recover: somebody decides what becomes of a run that waits for recovery.
import type { RunStatus, WaitingFor } from '@runyard/domain';
import type { Redis } from 'ioredis';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import type { RecoverAction, RecoverAnswer } from '../leaving.js';
import { ABANDONED } from '../outcomes.js';
import { recordOf } from '../parse-record.js';
import { listOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id, action, abandoned = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run then return {'not_found'} end
local waiting_for, decision, outcome = unpack(redis.call('HMGET', key, 'waiting_for', 'decision', 'outcome'))
-- The same decision again after its reply was lost.
if run.status == 'queued' and decision == action then return {'recovered', record(id, now), {id, run.dispatch, run.priority}} end
if action == 'abandon' and outcome == with_spent(run, abandoned) then return {'recovered', record(id, now)} end
if run.status ~= 'waiting' or run.held or waiting_for ~= 'recovery' then return {'not_waiting', run.status, waiting_for or ''} end
local next_dispatch
if action == 'abandon' then
  next_dispatch = end_run(run, now, 'failed', abandoned, {})
else
  set_status(run, 'queued')
  redis.call('HSET', key, 'decision', action)
  forget_losses(run)
  redis.call('HDEL', key, 'unspawned')
  next_dispatch = dispatch(run, now, '"' .. action .. '"')
end
return {'recovered', record(id, now), next_dispatch}
`),
  EVEN_WHEN_FULL,
);

export async function recover(redis: Redis, keys: Keys, runId: string, action: RecoverAction): Promise<RecoverAnswer> {
  const args = [keys.prefix, runId, action, JSON.stringify(ABANDONED)];
  const [kind, what, more] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args));
  switch (textOf(kind)) {
    case 'recovered':
      return { kind: 'recovered', run: recordOf(what), next: dispatchOf(more) };
    case 'not_waiting':
      return { kind: 'not_waiting', status: textOf(what) as RunStatus, waitingFor: (textOf(more) || null) as WaitingFor | null };
    default:
      return { kind: 'not_found' };
  }
}
