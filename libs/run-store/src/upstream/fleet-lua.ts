// Lua of who else could do the work: live workers, the credential each announces, and whether it has a way to its provider.
// Keys: workers, worker:<id> (heartbeats), worker:<id>:cut_off (it could not connect while others could).

/** As long as the registry calls a worker alive. */
const ALIVE_MS = 15_000;
const MOST_WORKERS = 1000;
/** A worker that asks no more for so long after its wait may have changed its network since: it is trusted again. */
const CUT_OFF_KEPT_MS = 15 * 60_000;
/** A worker that was told to ask for its credential and took no run gives its turn on. */
const ASKER_MS = 30_000;

/**
 * `works_elsewhere(credential, now)`: another credential works, on a worker that takes runs. `others_reach(worker, credential, now)`: another
 * worker takes runs and can connect. `is_cut_off(worker, now)`: it could not, and shall not try yet. `note_cut_off`: answers until when, or nil when
 * the trouble is everybody's, as far as is known. `stance(worker, credential, now)`: rest, ask (one run) or go_on. Need `load_upstream`.
 */
export const FLEET_LUA = `
local fleet
-- Workers that have said what they use, and are neither lost nor leaving.
local function live_workers(now)
  if fleet then return fleet end
  fleet = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', int(now - ${ALIVE_MS}), '+inf', 'LIMIT', 0, ${MOST_WORKERS})) do
    local key = P .. 'worker:' .. id
    local info = redis.call('GET', key)
    local worker = info and cjson.decode(info)
    if worker and type(worker.credential) == 'string' and worker.state ~= 'draining' and redis.call('EXISTS', key .. ':drain') == 0 then
      fleet[#fleet + 1] = {id = id, credential = worker.credential, host = worker.host, rests = worker.resting == true, cut_off = redis.call('EXISTS', key .. ':cut_off') == 1}
    end
  end
  return fleet
end
local function refuses(credential) return (redis.call('HGET', P .. 'upstream:' .. credential, 'state') or 'closed') ~= 'closed' end
local function is_announced(credential, now)
  for _, worker in ipairs(live_workers(now)) do
    if worker.credential == credential then return true end
  end
  return false
end
local function works_elsewhere(credential, now)
  for _, worker in ipairs(live_workers(now)) do
    if worker.credential ~= credential and not worker.rests and not worker.cut_off and not refuses(worker.credential) then return true end
  end
  return false
end
local function others_reach(id, credential, now)
  for _, worker in ipairs(live_workers(now)) do
    local may = worker.credential == credential or not refuses(worker.credential)
    if worker.id ~= id and may and not worker.rests and not worker.cut_off then return true end
  end
  return false
end
local function cut_off_until(id) return tonumber(redis.call('HGET', P .. 'worker:' .. id .. ':cut_off', 'until') or '0') end
local function is_cut_off(id, now) return cut_off_until(id) > now end
-- Another host has just found the same.
local function is_widespread(id, credential, now)
  local host
  for _, worker in ipairs(live_workers(now)) do
    if worker.id == id then host = worker.host end
  end
  for _, worker in ipairs(live_workers(now)) do
    if worker.cut_off and worker.credential == credential and worker.host ~= host then return true end
  end
  return false
end
local function note_cut_off(u, id, now, random)
  local is_own = others_reach(id, u.credential, now)
  local key = P .. 'worker:' .. id .. ':cut_off'
  local until_ms, failures = cut_off_until(id), tonumber(redis.call('HGET', key, 'failures') or '0')
  -- Runs that were under way when it was noted say nothing new.
  if until_ms > now then return is_own and until_ms or nil end
  until_ms = now + with_jitter(backoff('connection', failures + 1), random)
  redis.call('HSET', key, 'until', int(until_ms), 'failures', int(failures + 1))
  redis.call('PEXPIRE', key, int(until_ms - now + ${CUT_OFF_KEPT_MS}))
  if not is_own or (failures == 0 and is_widespread(id, u.credential, now)) then return nil end
  return until_ms
end
-- Everybody's trouble with connecting is over: those who are cut off may ask now. They are not trusted at once, or two of them would bring it back.
local function let_cut_off_ask(credential, now)
  for _, worker in ipairs(live_workers(now)) do
    if worker.cut_off and worker.credential == credential then redis.call('HSET', P .. 'worker:' .. worker.id .. ':cut_off', 'until', int(now)) end
  end
end
local function stance(id, credential, now)
  local alone = 'go_on'
  if redis.call('EXISTS', P .. 'worker:' .. id .. ':cut_off') == 1 and others_reach(id, credential, now) then
    if is_cut_off(id, now) then return 'rest' end
    alone = 'ask'
  end
  local u = load_upstream(credential)
  if u.state == 'closed' or not works_elsewhere(credential, now) then return alone end
  -- Runs that wait still are about to be given to the others.
  if u.state == 'half_open' or u.until_ms > now or redis.call('EXISTS', P .. 'waits:' .. credential) == 1 then return 'rest' end
  local f = redis.call('HMGET', u.key, 'asker', 'asker_until')
  local turn_ends = tonumber(f[2] or '0')
  if f[1] and turn_ends > now then return f[1] == id and 'ask' or 'rest' end
  -- Its turn went by without a run, because it cannot take any: first somebody else.
  if f[1] == id and turn_ends + ${ASKER_MS / 2} > now then return 'rest' end
  redis.call('HSET', u.key, 'asker', id, 'asker_until', int(now + ${ASKER_MS}))
  return 'ask'
end
`;
