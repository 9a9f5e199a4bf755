// Lua of what time does to the breakers: probes that are due or lost, runs that may go on, and those that waited too long.
import { PROBE_MS } from './upstream-lua.js';

/** A probe that no worker claims for so long gives its turn to the next. */
const UNCLAIMED_PROBE_MS = 600_000;
/** Between two rounds of 1, 2, 4, … runs that go on, whoever looks how often. */
const RAMP_EVERY_MS = 1000;
const MOST_CREDENTIALS = 1000;

/**
 * `advance_upstreams(now, limit, random, dispatches)`, `give_up_waiting(now, limit, without_reason, dispatches, ended)`.
 * Need `dispatch`, `end_run` and UPSTREAM_LUA.
 */
export const ADVANCE_UPSTREAMS_LUA = `
-- The first that waits; those that are gone are forgotten on the way.
local function first_waiting(credential)
  local waits = P .. 'waits:' .. credential
  while true do
    local id = redis.call('ZRANGE', waits, 0, 0)[1]
    if not id then return nil end
    local run = load(id)
    if run and run.status == 'waiting' and redis.call('HGET', run_key(id), 'upstream') == credential then return run end
    redis.call('ZREM', waits, id)
  end
end
local function go_on(run, now, credential, dispatches)
  set_status(run, 'queued')
  redis.call('HDEL', run_key(run.id), 'waiting_for', 'held', 'waiting_detail', 'resumes_at')
  redis.call('HSET', run_key(run.id), 'let_go', credential)
  dispatches[#dispatches + 1] = dispatch(run, now, '"upstream"')
end
local function look_after_probe(u, now, random)
  local probe = load(u.probe)
  local status = probe and probe.status
  -- Nobody succeeds without an answer.
  if status == 'succeeded' then return close_upstream(u, now) end
  -- It ended or waits for something else, and told nothing: the next one may ask at once.
  if status ~= 'queued' and status ~= 'running' then return open_upstream(u, now, now, u.failures) end
  if u.probe_until > now then return end
  if status == 'queued' and u.probe_since + ${UNCLAIMED_PROBE_MS} > now then
    redis.call('HSET', u.key, 'probe_until', int(now + ${PROBE_MS}))
    return
  end
  open_upstream(u, now, now + with_jitter(backoff(u.kind, u.failures), random), u.failures)
end
local function release_some(u, now, limit, dispatches)
  if u.ramp_at > now then return end
  local count = math.min(math.max(u.ramp * 2, 1), limit)
  local run = first_waiting(u.credential)
  if not run then return end
  redis.call('HSET', u.key, 'ramp', int(count), 'ramp_at', int(now + ${RAMP_EVERY_MS}))
  save_upstream(u, now, u.state)
  while run and count > 0 do
    go_on(run, now, u.credential, dispatches)
    count = count - 1
    run = count > 0 and first_waiting(u.credential) or nil
  end
end
local function advance_upstreams(now, limit, random, dispatches)
  for _, credential in ipairs(redis.call('ZRANGE', P .. 'upstreams', 0, ${MOST_CREDENTIALS - 1})) do
    local u = load_upstream(credential)
    if u.state == 'half_open' then look_after_probe(u, now, random) end
    local is_spared = u.state ~= 'closed' and works_elsewhere(credential, now)
    -- The workers have a new credential: nobody will ask for this one.
    if is_spared and u.state == 'open' and u.until_ms <= now and not is_announced(credential, now) then close_upstream(u, now) end
    if is_spared and u.state ~= 'closed' then
      release_some(u, now, tonumber(limit), dispatches)
    elseif u.state == 'open' and u.until_ms <= now then
      local run = first_waiting(credential)
      if run then
        begin_probe(u, now, run.id)
        go_on(run, now, credential, dispatches)
      end
    elseif u.state == 'closed' then
      release_some(u, now, tonumber(limit), dispatches)
      if redis.call('EXISTS', u.key, P .. 'waits:' .. credential) == 0 then redis.call('ZREM', P .. 'upstreams', credential) end
    end
  end
end
-- Runs whose time of waiting is over end with what they waited for. The list ended gets their ids.
local function give_up_waiting(now, limit, without_reason, dispatches, ended)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'give_ups', '-inf', int(now), 'LIMIT', 0, limit)) do
    redis.call('ZREM', P .. 'give_ups', id)
    local run = load(id)
    local credential = run and run.status == 'waiting' and redis.call('HGET', run_key(id), 'upstream')
    if credential then
      local outcome = redis.call('HGET', run_key(id), 'gave_up') or load_upstream(credential).outcome or without_reason
      local next_dispatch = end_run(run, now, 'failed', outcome, {})
      if next_dispatch then dispatches[#dispatches + 1] = next_dispatch end
      ended[#ended + 1] = id
    end
  end
end
`;
