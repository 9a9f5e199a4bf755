// claim: a worker takes a queued run.
import { randomUUID } from 'node:crypto';
import { RECORD_VERSION } from '@runyard/domain';
import type { ClaimAnswer, ClaimInput } from '../answers.js';
import type { Connection } from '../connection.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { recordOf } from '../parse-record.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { credentialId } from '../upstream/credential-id.js';
import { wholeMs } from '../upstream/give-up.js';
import { lua } from './common.js';
import { COMPANY_LUA } from './company-lua.js';

const script = new Script(
  lua(`${COMPANY_LUA}
local id, dispatch_number, worker, worker_json, lease_ms, token, credential, give_up = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run then return {'stale'} end
-- The same command again after its reply was lost: without this the run would look started and abandoned.
if run.status == 'running' and redis.call('HGET', key, 'claim') == token then return {'claimed', record(id, now)} end
-- Dispatch 0: the run waits for its session.
if run.status ~= 'queued' or run.dispatch == 0 or int(run.dispatch) ~= dispatch_number then return {'stale'} end
if run.v > ${RECORD_VERSION} then return {'newer'} end
-- The dispatch of the next run of its session is in the outbox: whoever looks there sends it.
if run.expires > 0 and run.attempt == 0 and run.expires <= now then
  expire_run(run, now)
  return {'stale'}
end

local function elsewhere()
  redis.call('ZREM', P .. 'outbox', id .. '.' .. dispatch_number)
  return {'elsewhere', dispatch(run, now, '"elsewhere"')}
end
if not may_take(run, worker) then
  if is_leaving(worker) or has_room_elsewhere(run, worker, now) then return {'not_alone', elsewhere()[2]} end
  keep_for(run, worker)
  return {'not_alone'}
end
if credential ~= '' then
  -- Nothing is begun that could only fail while another worker can do it.
  if is_cut_off(worker, now) and others_reach(worker, credential, now) then return elsewhere() end
  local may, u = may_ask(run, now, credential)
  if not may then
    if u.state ~= 'closed' and works_elsewhere(credential, now) then return elsewhere() end
    park_queued(run, now, u, give_up)
    return {'parked'}
  end
  leave_former_upstream(run, now, credential)
end

keep_alone(run, worker)
run.attempt = run.attempt + 1
set_status(run, 'running')
local lease_until = int(now + lease_ms)
redis.call('HSET', key, 'attempt', int(run.attempt), 'worker', worker, 'lease_until', lease_until, 'claim', token)
redis.call('HSETNX', key, 'started', int(now))
redis.call('HDEL', key, 'queued_reason', 'passes', 'passed')
redis.call('ZADD', P .. 'leases', lease_until, id)
redis.call('ZREM', P .. 'outbox', id .. '.' .. dispatch_number)
append(run, now, {'run.started', '{"attempt":' .. int(run.attempt) .. ',"worker_id":' .. worker_json .. '}'})
return {'claimed', record(id, now)}
`),
);

export async function claim(connection: Connection, keys: Keys, input: ClaimInput & { readonly leaseMs: number }): Promise<ClaimAnswer> {
  const { runId, dispatch, workerId, leaseMs } = input;
  const credential = input.credential === undefined ? '' : credentialId(input.credential);
  const args = [keys.prefix, runId, dispatch, workerId, JSON.stringify(workerId), leaseMs, randomUUID(), credential, wholeMs(input.giveUpAfterMs)];
  const [kind, reply] = listOf(await connection.run((redis) => script.run(redis, [keys.run(runId)], args)));
  const word = textOf(kind);
  const next = word === 'elsewhere' || word === 'not_alone' ? dispatchOf(reply) : null;
  if (word === 'not_alone') return { kind: word, next };
  if (next !== null) return { kind: 'elsewhere', next };
  if (word === 'stale' || word === 'newer' || word === 'parked') return { kind: word };
  const run = recordOf(reply);
  return { kind: 'claimed', run, previousAttempts: run.attempt - 1, leaseUntilMs: run.leaseUntilMs ?? 0 };
}
