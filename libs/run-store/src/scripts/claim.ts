// claim: a worker takes a queued run.
import { randomUUID } from 'node:crypto';
import type { ClaimAnswer, ClaimInput } from '../answers.js';
import type { Connection } from '../connection.js';
import type { Keys } from '../keys.js';
import { recordOf } from '../parse-record.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id, dispatch_number, worker, worker_json, lease_ms, token = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run then return {'stale'} end
-- The same command again after its reply was lost: without this the run would look started and abandoned.
if run.status == 'running' and redis.call('HGET', key, 'claim') == token then return {'claimed', record(id, now)} end
-- Dispatch 0: the run waits for its session.
if run.status ~= 'queued' or run.dispatch == 0 or int(run.dispatch) ~= dispatch_number then return {'stale'} end
-- The dispatch of the next run of its session is in the outbox: whoever looks there sends it.
if run.expires > 0 and run.attempt == 0 and run.expires <= now then
  expire_run(run, now)
  return {'stale'}
end

run.attempt = run.attempt + 1
set_status(run, 'running')
local lease_until = int(now + lease_ms)
redis.call('HSET', key, 'attempt', int(run.attempt), 'worker', worker, 'lease_until', lease_until, 'claim', token)
redis.call('HSETNX', key, 'started', int(now))
redis.call('HDEL', key, 'queued_reason')
redis.call('ZADD', P .. 'leases', lease_until, id)
redis.call('ZREM', P .. 'outbox', id .. '.' .. dispatch_number)
append(run, now, {'run.started', '{"attempt":' .. int(run.attempt) .. ',"worker_id":' .. worker_json .. '}'})
return {'claimed', record(id, now)}
`),
);

export async function claim(connection: Connection, keys: Keys, input: ClaimInput & { readonly leaseMs: number }): Promise<ClaimAnswer> {
  const { runId, dispatch, workerId, leaseMs } = input;
  const args = [keys.prefix, runId, dispatch, workerId, JSON.stringify(workerId), leaseMs, randomUUID()];
  const [kind, reply] = listOf(await connection.run((redis) => script.run(redis, [keys.run(runId)], args)));
  if (textOf(kind) === 'stale') return { kind: 'stale' };
  const run = recordOf(reply);
  return { kind: 'claimed', run, previousAttempts: run.attempt - 1, leaseUntilMs: run.leaseUntilMs ?? 0 };
}
