// Lua of schedules that other scripts need: deciding a slot, and the turn of the runs of one schedule.
// Keys: schedule:<id> (record), schedule:<id>:slots (ledger, by due time), schedule:<id>:live (its runs that are not over, in order).

/** Slots that the ledger of a schedule keeps, and for how long after the last one. */
export const SLOTS_KEPT = 1000;
export const SLOTS_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
/** Runs of one schedule that may be not over at a time. */
export const MAX_LIVE_RUNS = 100;

/**
 * `decide_slot(schedule, due, row)`: no slot up to this one is decided again. `row` is JSON without its brackets.
 * `slot_refusal(slot, now)`: why a slot or a run by hand makes no run now, or nil; what is final is written down.
 */
const SLOTS = `
local function schedule_key(id) return P .. 'schedule:' .. id end
local function decide_slot(schedule, from, due, now, row)
  local slots = schedule_key(schedule) .. ':slots'
  redis.call('HSET', schedule_key(schedule), 'decided', int(due))
  redis.call('ZADD', slots, int(due), '{"due":' .. int(from) .. ',"at":' .. int(now) .. ',' .. row .. '}')
  redis.call('ZREMRANGEBYRANK', slots, 0, -${SLOTS_KEPT + 1})
  redis.call('PEXPIRE', slots, ${SLOTS_KEPT_MS})
end
-- True while the schedule is as it was when the slot was planned, and no slot was decided since.
local function is_as_planned(slot)
  local s = redis.call('HMGET', schedule_key(slot.schedule), 'revision', 'decided')
  return s[1] == int(slot.revision) and s[2] == int(slot.decided) and slot.due > slot.decided
end
local function slot_refusal(slot, now)
  if redis.call('EXISTS', schedule_key(slot.schedule)) == 0 then return 'gone' end
  if slot.due and not is_as_planned(slot) then return 'changed' end
  local live = redis.call('LLEN', schedule_key(slot.schedule) .. ':live')
  local reason = live >= ${MAX_LIVE_RUNS} and 'queue_full' or (slot.due and slot.overlap == 'skip' and live > 0 and 'overlap')
  if not reason then return nil end
  if slot.due then decide_slot(slot.schedule, slot.due, slot.due, now, '"status":"skipped","reason":"' .. reason .. '"') end
  return reason
end
`;

/** `note_scheduled(run, slot, now)`: the run belongs to the schedule. True when it has to wait for the earlier runs. */
const TURNS = `
local function note_scheduled(run, slot, now)
  local key = schedule_key(slot.schedule)
  redis.call('HSET', key, 'last_run', run.id)
  local place = redis.call('RPUSH', key .. ':live', run.id)
  if not slot.due then return false end
  decide_slot(slot.schedule, slot.due, slot.due, now, '"status":"created","run":"' .. run.id .. '"')
  return place > 1
end
local function wait_for_schedule(run, now)
  redis.call('HSET', run_key(run.id), 'queued_reason', 'schedule')
  append(run, now, {'run.queued', '{"dispatch":0,"reason":"schedule"}'})
end
-- A run is over: the next one of its schedule goes when nothing is before it. Answers its dispatch, or false.
local function free_schedule(run, now)
  local schedule = redis.call('HGET', run_key(run.id), 'schedule')
  if not schedule then return false end
  local live = schedule_key(schedule) .. ':live'
  redis.call('LREM', live, 0, run.id)
  local first = redis.call('LINDEX', live, 0)
  if not first or redis.call('HGET', run_key(first), 'queued_reason') ~= 'schedule' then return false end
  return enter(load(first), now)
end
`;

export const SCHEDULE_LUA = SLOTS + TURNS;
