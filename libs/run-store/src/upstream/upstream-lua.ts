// Lua of the breakers: one per credential, so that a service that refuses is asked by one run at a time and the others wait.
// Keys: upstream:<credential> (state), upstreams (credentials that matter now), waits:<credential> (its waiting runs by creation),
// give_ups (waiting runs by the time when they end as failed).
import { FLEET_LUA } from './fleet-lua.js';
import type { TroubleKind } from './upstream-record.js';

/** First and longest wait between two questions, in milliseconds. */
const BACKOFF_MS: Readonly<Record<TroubleKind, readonly [number, number]>> = {
  overloaded: [5000, 300_000],
  connection: [5000, 300_000],
  quota: [15_000, 300_000],
  spend: [60_000, 3_600_000],
  // At most three questions a minute: services lock out who asks with a wrong key too often.
  auth: [20_000, 300_000],
};
/** A probe that says nothing for so long after its claim is taken for lost. */
export const PROBE_MS = 120_000;
const OPEN_KEPT_SECONDS = 8 * 24 * 60 * 60;
/** Why a run waits when its service answers again. */
const BEHIND_OTHERS = 'The model provider answers again: runs that waited longer go first.';
const CLOSED_KEPT_SECONDS = 24 * 60 * 60;

const backoffTable = Object.entries(BACKOFF_MS).map(([kind, [first, longest]]) => `${kind}={${first},${longest}}`).join(',');

/** `end_wait(run, to)`: takes a run that leaves `waiting` out of everything that would wake or end it. */
export const END_WAIT_LUA = `
local function end_wait(run, to)
  local key = run_key(run.id)
  local credential = redis.call('HGET', key, 'upstream')
  if credential then
    redis.call('ZREM', P .. 'waits:' .. credential, run.id)
    redis.call('HDEL', key, 'upstream')
  end
  redis.call('ZREM', P .. 'give_ups', run.id)
  if to == 'queued' then return end
  redis.call('ZREM', P .. 'expiries', run.id)
  redis.call('HDEL', key, 'give_up', 'gave_up')
end
-- When the service behind a waiting run is asked next, or nil while that is being done.
local function upstream_until(credential, now)
  local f = redis.call('HMGET', P .. 'upstream:' .. credential, 'state', 'until')
  local at = tonumber(f[2] or '0')
  return f[1] == 'open' and at > now and at or nil
end
`;

const STATE = `
local BACKOFF = {${backoffTable}}
local function iso(ms)
  local seconds = math.floor(ms / 1000)
  local days, rest = math.floor(seconds / 86400), seconds % 86400
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, doy - math.floor((153 * mp + 2) / 5) + 1,
    math.floor(rest / 3600), math.floor(rest % 3600 / 60), rest % 60, ms % 1000)
end
local function load_upstream(credential)
  local key = P .. 'upstream:' .. credential
  local f = redis.call('HMGET', key, 'state', 'kind', 'message', 'until', 'failures', 'probe', 'probe_until', 'probe_since', 'troubled', 'outcome', 'ramp', 'ramp_at')
  return {credential = credential, key = key, state = f[1] or 'closed', kind = f[2], message = f[3], until_ms = tonumber(f[4] or '0'), failures = tonumber(f[5] or '0'),
    probe = f[6], probe_until = tonumber(f[7] or '0'), probe_since = tonumber(f[8] or '0'), troubled = tonumber(f[9] or '0'), outcome = f[10],
    ramp = tonumber(f[11] or '0'), ramp_at = tonumber(f[12] or '0')}
end
-- Up to a tenth more, but not more than a minute: many installations must not come back in the same moment.
local function with_jitter(wait, random) return wait + math.min(wait * 0.1, 60000) * random end
local function backoff(kind, failures)
  local b = BACKOFF[kind] or BACKOFF.overloaded
  return math.min(b[1] * 2 ^ (math.max(failures, 1) - 1), b[2])
end
local function save_upstream(u, now, state)
  if u.state ~= state then redis.call('HSET', u.key, 'since', int(now)) end
  u.state = state
  redis.call('HSET', u.key, 'state', state)
  redis.call('EXPIRE', u.key, state == 'closed' and ${CLOSED_KEPT_SECONDS} or ${OPEN_KEPT_SECONDS})
  redis.call('ZADD', P .. 'upstreams', int(now), u.credential)
end
local function open_upstream(u, now, until_ms, failures)
  u.until_ms, u.failures = until_ms, failures
  redis.call('HSET', u.key, 'until', int(until_ms), 'failures', int(failures))
  redis.call('HDEL', u.key, 'probe', 'probe_until', 'probe_since', 'ramp', 'ramp_at', 'asker', 'asker_until')
  save_upstream(u, now, 'open')
end
local function begin_probe(u, now, id)
  u.probe = id
  redis.call('HSET', u.key, 'probe', id, 'probe_until', int(now + ${PROBE_MS}), 'probe_since', int(now))
  redis.call('HDEL', u.key, 'asker', 'asker_until')
  save_upstream(u, now, 'half_open')
end
local function close_upstream(u, now)
  redis.call('HDEL', u.key, 'until', 'failures', 'probe', 'probe_until', 'probe_since', 'ramp', 'ramp_at', 'asker', 'asker_until')
  save_upstream(u, now, 'closed')
end
`;

/**
 * `join_waiting(run, now, credential, give_up, data)`: a run that is `waiting` waits for the service of a credential. give_up: after how many
 * milliseconds it ends ('' = never), and with which outcome. Answers the data of run.waiting with the time when it goes on.
 * `may_ask(run, now, credential)`: false when a claimed run would have to wait. `park_queued`: lets it wait instead.
 */
const WAIT = `
local function join_waiting(run, now, credential, give_up, data)
  local key = run_key(run.id)
  redis.call('HSET', key, 'upstream', credential)
  redis.call('HDEL', key, 'resumes_at')
  redis.call('ZADD', P .. 'waits:' .. credential, run.created, run.id)
  redis.call('ZADD', P .. 'upstreams', int(now), credential)
  -- The first wait counts, until the service answers the run: asking in vain gives no more time.
  if give_up.after ~= '' then redis.call('HSETNX', key, 'give_up', int(now + give_up.after)) end
  if give_up.outcome and give_up.outcome ~= '' then redis.call('HSET', key, 'gave_up', give_up.outcome) end
  local last = redis.call('HGET', key, 'give_up')
  if last then redis.call('ZADD', P .. 'give_ups', last, run.id) end
  local at = upstream_until(credential, now)
  return at and (string.gsub(data, '"resumes_at":null', '"resumes_at":"' .. iso(at) .. '"', 1)) or data
end
local function may_ask(run, now, credential)
  local u = load_upstream(credential)
  local waits = P .. 'waits:' .. credential
  -- Those that wait still are before it, unless it is one of those that were let go.
  if u.state == 'closed' then return redis.call('HGET', run_key(run.id), 'let_go') == credential or redis.call('EXISTS', waits) == 0, u end
  if u.state == 'half_open' then
    if u.probe ~= run.id then return false, u end
    redis.call('HSET', u.key, 'probe_until', int(now + ${PROBE_MS}))
    return true, u
  end
  -- With others waiting, the first of them asks.
  if u.until_ms > now or redis.call('EXISTS', waits) == 1 then return false, u end
  begin_probe(u, now, run.id)
  return true, u
end
-- The run that was to ask for one credential is claimed with another. When no worker has the former any more, nobody would ever ask for it;
-- else nothing is known of it, and the next may ask.
local function leave_former_upstream(run, now, credential)
  local former = redis.call('HGET', run_key(run.id), 'let_go')
  redis.call('HDEL', run_key(run.id), 'let_go')
  if not former or former == credential then return end
  local u = load_upstream(former)
  if u.state ~= 'half_open' or u.probe ~= run.id then return end
  if is_announced(former, now) then open_upstream(u, now, now, u.failures) else close_upstream(u, now) end
end
local function park_queued(run, now, u, give_up)
  local key = run_key(run.id)
  local waiting_for = u.kind == 'auth' and 'auth' or 'quota'
  local reason = u.state ~= 'closed' and u.message or '${BEHIND_OTHERS}'
  redis.call('ZREM', P .. 'outbox', run.id .. '.' .. int(run.dispatch))
  set_status(run, 'waiting')
  redis.call('HSET', key, 'waiting_for', waiting_for, 'held', '0', 'waiting_detail', reason)
  redis.call('HDEL', key, 'queued_reason')
  if run.attempt == 0 and run.expires > 0 then redis.call('ZADD', P .. 'expiries', int(run.expires), run.id) end
  local data = '{"waiting_for":"' .. waiting_for .. '","held":false,"resumes_at":null,"reason":' .. cjson.encode(reason) .. '}'
  append(run, now, {'run.waiting', join_waiting(run, now, u.credential, {after = give_up}, data)})
end
`;

/** Needs `append` and `set_status`. */
export const UPSTREAM_LUA = STATE + FLEET_LUA + WAIT;
