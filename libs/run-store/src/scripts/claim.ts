// claim: a worker takes a queued run.
import { randomUUID } from 'node:crypto';
import { RECORD_VERSION } from '@runyard/domain';
import type { ClaimAnswer, ClaimInput } from '../answers.js';
import type { Connection } from '../connection.js';
import type { Keys } from '../keys.js';
import { recordOf } from '../parse-record.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { credentialId } from '../upstream/credential-id.js';
import { wholeMs } from '../upstream/give-up.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
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

if credential ~= '' then
  local may, u = may_ask(run, now, credential)
  if not may then
    park_queued(run, now, u, give_up)
    return {'parked'}
  end
  leave_former_upstream(run, now, credential)
end

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
  if (word === 'stale' || word === 'newer' || word === 'parked') return { kind: word };
  const run = recordOf(reply);
  return { kind: 'claimed', run, previousAttempts: run.attempt - 1, leaseUntilMs: run.leaseUntilMs ?? 0 };
}
