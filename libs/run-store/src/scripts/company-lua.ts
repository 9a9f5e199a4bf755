// Lua about runs that share a worker: whose loss it was when the worker is gone, and who is to be alone on one. See decision 106.

/** So many claims in a row that are lost before they started a process are taken for losses of one. */
const UNSPAWNED_LOSSES = 20;
/** After so many losses in company a run is claimed alone until it makes progress: the next loss is its own. */
const SHARED_AT_MOST = 2;
/** So many losses of its own may be the end of a run: the last of them is counted only when its worker had time to say that it lives. */
const DECISIVE_LOSSES = 3;
/** Longer than a worker takes to come back to a Redis that is back. */
const WORD_MS = 5000;
/** A worker is kept for a run that waits for it to be empty; the run asks again more often than this. */
const KEPT_MS = 5000;
/** Longer than any run is a suspect; the run itself is looked at, too. */
const HAS_MS = 60 * 60 * 1000;

/** As long as the registry calls a worker alive. */
const HEARD_OF_MS = 15_000;

/**
 * `may_take(run, worker)`: a suspect gets a worker without others, which then takes none until it has ended or made progress.
 * `keep_alone`: it has one. `keep_for`: it waits until this one has no others, and new ones are kept away.
 * `has_room_elsewhere(run, worker, now)`: another worker could take the run now. `is_leaving(worker)`: this one should not keep it waiting.
 * `note_loss(run, now)`: false while it is too early to count it.
 * `take_back_loss(run, attempt, worker)`: the worker lives.
 */
export const COMPANY_LUA = `
local function company_of(run, worker)
  local others = {}
  for _, id in ipairs(redis.call('ZRANGE', P .. 'leases', 0, -1)) do
    if id ~= run.id and redis.call('HGET', run_key(id), 'worker') == worker then others[#others + 1] = id end
  end
  return others
end
local function alone_key(worker) return P .. 'worker:' .. worker .. ':alone' end
local function is_suspect(id) return tonumber(redis.call('HGET', run_key(id), 'shared') or '0') >= ${SHARED_AT_MOST} end
local function is_for_another(run, worker, word)
  local how, id = string.match(word or '', '^(%a+) (.+)$')
  local other = id and id ~= run.id and load(id)
  if not other or not is_suspect(id) then return false end
  return how == 'kept' and other.status == 'queued' or how == 'has' and is_live(other) and other.worker == worker
end
local function may_take(run, worker)
  if is_for_another(run, worker, redis.call('GET', alone_key(worker))) then return false end
  return not is_suspect(run.id) or #company_of(run, worker) == 0
end
local function keep_alone(run, worker)
  if is_suspect(run.id) then redis.call('SET', alone_key(worker), 'has ' .. run.id, 'PX', ${HAS_MS}) end
end
local function keep_for(run, worker)
  if not is_suspect(run.id) or is_for_another(run, worker, redis.call('GET', alone_key(worker))) then return end
  redis.call('SET', alone_key(worker), 'kept ' .. run.id, 'PX', ${KEPT_MS})
end
local function has_room_elsewhere(run, worker, now)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', int(now - ${HEARD_OF_MS}), '+inf')) do
    local info = id ~= worker and redis.call('GET', P .. 'worker:' .. id)
    local other = info and cjson.decode(info)
    local is_open = other and other.state == 'ready' and other.resting ~= true and redis.call('EXISTS', P .. 'worker:' .. id .. ':drain') == 0
    if is_open and not is_for_another(run, id, redis.call('GET', alone_key(id))) then
      if other.busy == 0 or not is_suspect(run.id) then return true end
    end
  end
  return false
end
local function is_leaving(worker)
  local info = redis.call('GET', P .. 'worker:' .. worker)
  return redis.call('EXISTS', P .. 'worker:' .. worker .. ':drain') == 1 or (info and cjson.decode(info).state == 'draining')
end
-- The others are noticed later, when this one has gone: they are told that they were not alone.
local function had_company(run)
  local others = company_of(run, run.worker)
  for _, id in ipairs(others) do redis.call('HSET', run_key(id), 'company', redis.call('HGET', run_key(id), 'attempt')) end
  return #others > 0 or redis.call('HGET', run_key(run.id), 'company') == int(run.attempt)
end
local function is_too_early(run, now)
  local attempt, at = string.match(redis.call('HGET', run_key(run.id), 'noticed') or '', '^(%d+) (%d+)$')
  if attempt == int(run.attempt) then return now - at < ${WORD_MS} end
  redis.call('HSET', run_key(run.id), 'noticed', int(run.attempt) .. ' ' .. int(now))
  return true
end
local function entry(attempt, worker, kind) return '[' .. attempt .. ' ' .. worker .. ' ' .. kind .. ']' end
-- A loss counts when a process may have been there, or when nobody gets as far as starting one again and again.
local function note_loss(run, now)
  local key = run_key(run.id)
  local losses, unspawned, noted = unpack(redis.call('HMGET', key, 'losses', 'unspawned', 'lost'))
  local is_free = run.spawned ~= run.attempt and tonumber(unspawned or '0') + 1 < ${UNSPAWNED_LOSSES}
  local kind = had_company(run) and 'shared' or 'losses'
  if not is_free and kind == 'losses' and tonumber(losses or '0') + 1 >= ${DECISIVE_LOSSES} and is_too_early(run, now) then return false end
  if run.spawned ~= run.attempt then redis.call('HINCRBY', key, 'unspawned', 1) end
  if is_free then return true end
  redis.call('HINCRBY', key, kind, 1)
  redis.call('HSET', key, 'lost', (noted or '') .. entry(int(run.attempt), run.worker, kind))
  return true
end
local function take_back_loss(run, attempt, worker)
  local key = run_key(run.id)
  local noted = redis.call('HGET', key, 'lost') or ''
  for _, kind in ipairs({'losses', 'shared'}) do
    local from, to = string.find(noted, entry(attempt, worker, kind), 1, true)
    if from then
      redis.call('HINCRBY', key, kind, -1)
      redis.call('HSET', key, 'lost', string.sub(noted, 1, from - 1) .. string.sub(noted, to + 1))
      return
    end
  end
end
`;
