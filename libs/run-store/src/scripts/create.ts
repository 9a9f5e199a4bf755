// create: idempotency, session, record, indexes, first event and first dispatch in one step.
import { RECORD_VERSION } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { CreateInput } from '../answers.js';
import type { Keys } from '../keys.js';
import { recordOf } from '../parse-record.js';
import { listOf, numberOf, textOf } from '../reply.js';
import type { ScheduledRunAnswer, SlotRefusal } from '../schedules/schedule-record.js';
import { Script } from '../script.js';
import { lua } from './common.js';

/** The contract promises 24 h; the margin covers clients that retry late and clocks that disagree. */
export const IDEMPOTENCY_MS = 72 * 60 * 60 * 1000;

const script = new Script(
  lua(`
local id, session, fork_of, continues, trigger, request, idempotency_key, fingerprint, idempotency_ms, priority, run_at, expires_ms, retry_of, schedule, tags, slot_json, name = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
-- The same command again after its reply was lost.
local slot = slot_json ~= '' and cjson.decode(slot_json)
local before = load(id)
if before and slot and slot.due and is_as_planned(slot) then decide_slot(schedule, slot.due, slot.due, now, '"status":"created","run":"' .. id .. '"') end
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
local refusal = slot and slot_refusal(slot, now)
if refusal then return {'slot_refused', refusal} end

redis.call('HSET', key, 'status', 'queued', 'attempt', '0', 'dispatch', '0', 'seq', '0', 'created', int(now), 'log', 'stream', 'v', '${RECORD_VERSION}',
  'session', session, 'continues', continues, 'trigger', trigger, 'request', request)
if fork_of ~= '' then redis.call('HSET', key, 'fork_of', fork_of) end
-- A second time, so that a list of names need not read whole requests.
if name ~= '' then redis.call('HSET', key, 'name', name) end
local member = int(now) .. '_' .. id
redis.call('ZADD', P .. 'runs', 0, member)
redis.call('ZADD', P .. 'runs:status:queued', 0, member)
redis.call('ZADD', P .. 'runs:session:' .. session, 0, member)
redis.call('ZADD', P .. 'runs:trigger:' .. trigger, 0, member)
if priority ~= '0' then redis.call('HSET', key, 'priority', priority) end
if retry_of ~= '' then redis.call('HSET', key, 'retry_of', retry_of) end
if schedule ~= '' then
  redis.call('HSET', key, 'schedule', schedule)
  redis.call('ZADD', P .. 'runs:schedule:' .. schedule, 0, member)
end
-- No tag has a line break.
if tags ~= '' then redis.call('HSET', key, 'tags', tags) end
for tag in string.gmatch(tags, '[^\\n]+') do redis.call('ZADD', P .. 'runs:tag:' .. tag, 0, member) end
local is_early = run_at ~= '' and tonumber(run_at) > now
if run_at ~= '' then redis.call('HSET', key, 'run_at', run_at) end
if expires_ms ~= '' then
  local expires = int((is_early and tonumber(run_at) or now) + expires_ms)
  redis.call('HSET', key, 'expires', expires)
  redis.call('ZADD', P .. 'expiries', expires, id)
end
if idempotency_key ~= '' then
  redis.call('HSET', seen_key, 'fingerprint', fingerprint, 'run', id)
  redis.call('PEXPIRE', seen_key, idempotency_ms)
end
redis.call('HSETNX', session_key, 'created', int(now))
local run = load(id)
local waits_for_schedule = slot and note_scheduled(run, slot, now)
if waits_for_schedule then
  wait_for_schedule(run, now)
elseif is_early then
  redis.call('HSET', key, 'queued_reason', 'run_at')
  redis.call('ZADD', P .. 'due', run_at, id)
  append(run, now, {'run.queued', '{"dispatch":0,"reason":"run_at"}'})
else
  enter(run, now)
end
return {'created', record(id, now), run.dispatch}
`),
);

export interface NewRun extends CreateInput {
  readonly id: string;
  /** The session of the run: a new one unless the request continues one without forking it. */
  readonly sessionId: string;
  /** JSON of the slot or schedule that this run is made for; see schedules/schedule-lua.ts. */
  readonly slot?: string;
}

export async function create(redis: Redis, keys: Keys, input: NewRun): Promise<ScheduledRunAnswer> {
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
    request.priority ?? 0,
    request.run_at === undefined ? '' : Date.parse(request.run_at),
    request.expires_in_seconds === undefined ? '' : request.expires_in_seconds * 1000,
    input.retryOf ?? '',
    input.scheduleId ?? '',
    [...new Set(request.tags)].join('\n'),
    input.slot ?? '',
    request.name ?? '',
  ];
  const [kind, run, dispatch] = listOf(await script.run(redis, [keys.run(input.id)], args));
  switch (textOf(kind)) {
    case 'created':
      return { kind: 'created', run: recordOf(run), dispatch: numberOf(dispatch) || null };
    case 'replayed':
      return { kind: 'replayed', run: recordOf(run) };
    case 'slot_refused':
      return { kind: 'slot_refused', reason: textOf(run) as SlotRefusal['reason'] };
    case 'session_not_found':
      return { kind: 'session_not_found' };
    default:
      return { kind: 'idempotency_key_reused' };
  }
}
