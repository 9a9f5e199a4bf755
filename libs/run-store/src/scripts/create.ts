// create: idempotency, session, record, indexes, first event and first dispatch in one step.
import type { Redis } from 'ioredis';
import type { CreateAnswer, CreateInput } from '../answers.js';
import type { Keys } from '../keys.js';
import { recordOf } from '../parse-record.js';
import { listOf, numberOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

/** The contract promises 24 h; the margin covers clients that retry late and clocks that disagree. */
export const IDEMPOTENCY_MS = 72 * 60 * 60 * 1000;

const script = new Script(
  lua(`
local id, session, fork_of, continues, trigger, request, idempotency_key, fingerprint, idempotency_ms = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
-- The same command again after its reply was lost.
local before = load(id)
if before then return {'created', record(id, now), before.dispatch} end
local seen_key = P .. 'idempotency:' .. idempotency_key
if idempotency_key ~= '' then
  local seen = redis.call('HMGET', seen_key, 'fingerprint', 'run')
  if seen[1] then
    -- A deleted run is not run again either.
    if seen[1] ~= fingerprint or not load(seen[2]) then return {'idempotency_key_reused'} end
    return {'replayed', record(seen[2], now)}
  end
end
local session_key = P .. 'session:' .. session
local known = fork_of ~= '' and (P .. 'session:' .. fork_of) or session_key
if continues == '1' and redis.call('EXISTS', known) == 0 then return {'session_not_found'} end

redis.call('HSET', key, 'status', 'queued', 'attempt', '0', 'dispatch', '0', 'seq', '0', 'created', int(now), 'log', 'stream',
  'session', session, 'continues', continues, 'trigger', trigger, 'request', request)
if fork_of ~= '' then redis.call('HSET', key, 'fork_of', fork_of) end
local member = int(now) .. '_' .. id
redis.call('ZADD', P .. 'runs', 0, member)
redis.call('ZADD', P .. 'runs:status:queued', 0, member)
redis.call('ZADD', P .. 'runs:session:' .. session, 0, member)
if idempotency_key ~= '' then
  redis.call('HSET', seen_key, 'fingerprint', fingerprint, 'run', id)
  redis.call('PEXPIRE', seen_key, idempotency_ms)
end
redis.call('HSETNX', session_key, 'created', int(now))
local run = load(id)
if redis.call('HSETNX', session_key, 'active', id) == 1 then
  dispatch(run, now)
else
  redis.call('HSET', key, 'queued_reason', 'session')
  redis.call('RPUSH', session_key .. ':waiting', id)
  append(run, now, {'run.queued', '{"dispatch":0,"reason":"session"}'})
end
return {'created', record(id, now), run.dispatch}
`),
);

export interface NewRun extends CreateInput {
  readonly id: string;
  /** The session of the run: a new one unless the request continues one without forking it. */
  readonly sessionId: string;
}

export async function create(redis: Redis, keys: Keys, input: NewRun): Promise<CreateAnswer> {
  const { request, idempotency } = input;
  const args = [
    keys.prefix,
    input.id,
    input.sessionId,
    request.fork === true ? (request.session_id ?? '') : '',
    request.session_id === undefined ? '0' : '1',
    input.trigger,
    JSON.stringify(request),
    idempotency?.key ?? '',
    idempotency?.fingerprint ?? '',
    IDEMPOTENCY_MS,
  ];
  const [kind, run, dispatch] = listOf(await script.run(redis, [keys.run(input.id)], args));
  switch (textOf(kind)) {
    case 'created':
      return { kind: 'created', run: recordOf(run), dispatch: numberOf(dispatch) || null };
    case 'replayed':
      return { kind: 'replayed', run: recordOf(run) };
    case 'session_not_found':
      return { kind: 'session_not_found' };
    default:
      return { kind: 'idempotency_key_reused' };
  }
}
