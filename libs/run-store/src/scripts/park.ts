// park: a run waits for somebody or something outside, without a process.
import type { TerminalStatus } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { Lease } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import type { ParkAnswer, ParkInput } from '../leaving.js';
import { CANCELED } from '../outcomes.js';
import { isoOf, listOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import type { ScriptArgument } from '../script.js';
import { spentJson } from '../spent.js';
import { credentialId } from '../upstream/credential-id.js';
import { gaveUp, wholeMs } from '../upstream/give-up.js';
import { FLUSH_RANGE, lastFlushArguments } from './append.js';
import type { LastFlush } from './append.js';
import { lua } from './common.js';

const script = new Script(
  lua(`${FLUSH_RANGE}
local id, attempt, worker, canceled, waiting_for, left, detail, resumes_at, data, credential, give_up, gave_up, spent = unpack(ARGV, 2, 14)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run or int(run.attempt) ~= attempt then return {'lost'} end
if is_terminal(run) then return {'already', run.status} end
-- The same command again after its reply was lost.
if not is_live(run) then return {redis.call('HGET', key, 'parked') == attempt and 'parked' or 'lost'} end
if run.worker ~= worker then return {'lost'} end
local events = last_events(run, 15)
note_spent(run, spent)
if run.cancel_requested then return {'canceled', '', end_run(run, now, 'canceled', canceled, events)} end
-- Others can go on with it now.
local is_own = credential ~= '' and not refuses(credential) and is_cut_off(worker, now) and others_reach(worker, credential, now)
if credential ~= '' and (is_own or works_elsewhere(credential, now)) then
  append(run, now, events)
  redis.call('HSET', key, 'parked', attempt)
  redis.call('HDEL', key, 'decision')
  if run.spawned == run.attempt then forget_losses(run) end
  return {'passed_on', '', leave_worker(run, now, '"elsewhere"', canceled, left)}
end
-- A run whose process was held waits already.
if run.status ~= 'waiting' then set_status(run, 'waiting') end
redis.call('HSET', key, 'waiting_for', waiting_for, 'held', '0', 'left', left, 'waiting_detail', detail, 'parked', attempt)
redis.call('HDEL', key, 'decision')
-- It came to its end without taking its worker down.
if run.spawned == run.attempt then forget_losses(run) end
if credential ~= '' then
  data = join_waiting(run, now, credential, {after = give_up, outcome = gave_up}, data)
elseif resumes_at ~= '' then
  redis.call('HSET', key, 'resumes_at', resumes_at)
  redis.call('ZADD', P .. 'waits', resumes_at, id)
end
free_worker(run)
events[#events + 1] = 'run.waiting'
events[#events + 1] = data
append(run, now, events)
return {'parked'}
`),
  EVEN_WHEN_FULL,
);

export interface Parking {
  readonly lease: Lease;
  readonly input: ParkInput;
  readonly last: LastFlush;
}

export async function park(redis: Redis, keys: Keys, { lease, input, last }: Parking): Promise<ParkAnswer> {
  const { runId, attempt, workerId } = lease;
  const args = [keys.prefix, runId, attempt, workerId, JSON.stringify(CANCELED), ...inputArguments(input), ...lastFlushArguments(last)];
  const [kind, status, next] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args));
  switch (textOf(kind)) {
    case 'parked':
      return { kind: 'parked' };
    case 'passed_on': {
      const dispatch = dispatchOf(next);
      return dispatch === null ? { kind: 'lost' } : { kind: 'passed_on', next: dispatch };
    }
    case 'canceled':
      return { kind: 'canceled', next: dispatchOf(next) };
    case 'already':
      return { kind: 'already', status: textOf(status) as TerminalStatus };
    default:
      return { kind: 'lost' };
  }
}

function inputArguments(input: ParkInput): ScriptArgument[] {
  const { waitingFor, left, detail, resumesAtMs, giveUpAfterMs } = input;
  const credential = input.credential === undefined ? '' : credentialId(input.credential);
  return [waitingFor, left, detail, wholeMs(resumesAtMs), dataOf(input), credential, wholeMs(giveUpAfterMs), gaveUp(input), input.spent === undefined ? '' : spentJson(input.spent)];
}

/** The data of `run.waiting`. */
function dataOf({ waitingFor, detail, resumesAtMs, data }: ParkInput): string {
  return JSON.stringify({ waiting_for: waitingFor, held: false, resumes_at: resumesAtMs === undefined ? null : isoOf(Math.ceil(resumesAtMs)), reason: detail, ...data });
}
