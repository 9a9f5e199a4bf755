// Lua shared by the scripts: time, numbers, the state table, appending, dispatching, ending a run.
// Every script gets the key prefix as ARGV[1] and works on one primary, so it may build the names of keys itself.
// Redis does not roll back: a script checks everything before its first write.
import { LIMITS, RUN_TRANSITIONS } from '@runyard/domain';
import { EXPIRED } from '../outcomes.js';
import { SCHEDULE_LUA } from '../schedules/schedule-lua.js';
import { SPENT_LUA } from '../spent.js';
import { ADVANCE_UPSTREAMS_LUA } from '../upstream/advance-upstreams-lua.js';
import { END_WAIT_LUA, UPSTREAM_LUA } from '../upstream/upstream-lua.js';

/** A publish carries the events themselves up to this many bytes of data, else only their ids. */
export const PUBLISH_BYTES = 16 * 1024;

/** An event in a stream takes about so much more than its data: id, type, time, and what Redis needs for itself. */
export const EVENT_BYTES = 64;

/** In the backlog every priority has this much room, in milliseconds: more than the clock will show for a century. */
export const PRIORITY_ROOM_MS = 2 ** 42;
/** The lifecycle stream keeps about so many events, each with at most so many bytes of data. */
export const LIFECYCLE_EVENTS = 10_000;
export const LIFECYCLE_DATA_BYTES = 4096;
/** … and is forgotten when nothing happened for so long. */
export const LIFECYCLE_SECONDS = 30 * 24 * 60 * 60;

const mayTable = RUN_TRANSITIONS.map(({ from, to }) => `['${from}>${to}']=true`).join(',');

const BASICS = `
local P = ARGV[1]
local MAY = {${mayTable}}
local function run_key(id) return P .. 'run:' .. id end
${END_WAIT_LUA}
-- Lua would print large integers as 1e+14.
local function int(n) return string.format('%.0f', n) end
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
-- Names and values of the record, with its id, the time of reading and its place among those that wait for a worker.
local function record(id, now)
  local flat = redis.call('HGETALL', run_key(id))
  local before = redis.call('ZRANK', P .. 'backlog', id)
  if before then
    flat[#flat + 1] = 'position'
    flat[#flat + 1] = int(before + 1)
  end
  for i = 1, #flat, 2 do
    local at = flat[i] == 'upstream' and upstream_until(flat[i + 1], now)
    if at then
      flat[#flat + 1] = 'resumes_at'
      flat[#flat + 1] = int(at)
    end
  end
  for _, v in ipairs({'id', id, 'now', int(now)}) do flat[#flat + 1] = v end
  return flat
end
-- The fields that decide what may be done to a run; nil when there is no such run.
local function load(id)
  local f = redis.call('HMGET', run_key(id), 'status', 'attempt', 'seq', 'dispatch', 'created', 'session', 'held', 'lease_until', 'worker', 'cancel_requested', 'flush', 'priority', 'expires', 'spawned', 'v')
  if not f[1] then return nil end
  return {id = id, status = f[1], attempt = tonumber(f[2]), seq = tonumber(f[3]), dispatch = tonumber(f[4]), created = f[5], session = f[6],
    held = f[7] == '1', lease_until = tonumber(f[8] or '0'), worker = f[9], cancel_requested = f[10], flush = f[11],
    priority = tonumber(f[12] or '0'), expires = tonumber(f[13] or '0'), spawned = tonumber(f[14] or '0'), v = tonumber(f[15] or '1')}
end
local function is_terminal(run) return run.status == 'succeeded' or run.status == 'failed' or run.status == 'canceled' end
-- A process may be at work: running, or waiting with its process kept.
local function is_live(run) return run.status == 'running' or (run.status == 'waiting' and run.held) end
-- Two workers may have the same attempt when Redis has lost the claim of the first one.
local function is_held_by(run, attempt, worker) return is_live(run) and int(run.attempt) == attempt and run.worker == worker end
local function set_status(run, to)
  if not MAY[run.status .. '>' .. to] then error('a run may not go from ' .. run.status .. ' to ' .. to) end
  redis.call('HSET', run_key(run.id), 'status', to)
  redis.call('ZREM', P .. 'runs:status:' .. run.status, run.created .. '_' .. run.id)
  redis.call('ZADD', P .. 'runs:status:' .. to, 0, run.created .. '_' .. run.id)
  if run.status == 'queued' then
    for _, name in ipairs({'backlog', 'due', 'expiries'}) do redis.call('ZREM', P .. name, run.id) end
  end
  if run.status == 'waiting' then
    end_wait(run, to)
    redis.call('ZREM', P .. 'waits', run.id)
    redis.call('HDEL', run_key(run.id), 'waiting_for', 'held', 'resumes_at', 'waiting_detail')
  end
  run.status = to
end
`;

/** `tell(run, ts, event id, type, data)`: what dashboards want to know about every run goes into one bounded stream too, with dense numbers. */
const TELL = `
local function tell(run, ts, id, kind, data)
  if string.sub(kind, 1, 4) ~= 'run.' and string.sub(kind, 1, 11) ~= 'permission.' then return end
  -- 1 begins a reference to data in a file.
  if #data > ${LIFECYCLE_DATA_BYTES} or string.byte(data) == 1 then data = '{"truncated":true,"status":"' .. run.status .. '"}' end
  local number = int(redis.call('INCR', P .. 'lifecycle:last'))
  -- Numbers begin with the time, so that a number from before a loss of data is never taken for a later one.
  if number == '1' then number = ts end
  redis.call('SET', P .. 'lifecycle:last', number, 'EX', ${LIFECYCLE_SECONDS})
  local payload = number .. ' ' .. run.id .. '\\n' .. id .. ' ' .. ts .. ' ' .. #kind .. ' ' .. #data .. '\\n' .. kind .. data
  redis.call('XADD', P .. 'lifecycle', 'MAXLEN', '~', ${LIFECYCLE_EVENTS}, number .. '-0', 'f', payload)
  redis.call('EXPIRE', P .. 'lifecycle', ${LIFECYCLE_SECONDS})
  redis.call('PUBLISH', P .. 'lifecycle:live', payload)
end
`;

/** `append(run, now, {type, data, …})`: numbers the events, adds them to the log and publishes them. */
const APPEND = `
local function append(run, now, events)
  local key = run_key(run.id)
  local prefix = int(run.attempt) .. '-'
  local ts = int(now)
  local frames, bytes, first = {}, 0, nil
  for i = 1, #events, 2 do
    local kind, data = events[i], events[i + 1]
    local id = prefix .. int(run.seq + 1)
    redis.call('XADD', key .. ':events', id, 't', kind, 'ts', ts, 'd', data)
    tell(run, ts, id, kind, data)
    run.seq = run.seq + 1
    first = first or id
    bytes = bytes + #data
    if bytes <= ${PUBLISH_BYTES} then frames[#frames + 1] = id .. ' ' .. ts .. ' ' .. #kind .. ' ' .. #data .. '\\n' .. kind .. data end
  end
  if not first then return end
  redis.call('HSET', key, 'seq', int(run.seq))
  redis.call('HINCRBY', key, 'log_bytes', int(bytes + ${EVENT_BYTES} * #events / 2))
  local range = 'R' .. first .. ' ' .. prefix .. int(run.seq) .. (events[#events - 1] == 'run.finished' and ' end' or '')
  redis.call('PUBLISH', key .. ':live', bytes <= ${PUBLISH_BYTES} and ('F' .. table.concat(frames)) or range)
end
`;

/** `dispatch(run, now, reason)`: a queued run gets its next dispatch; the outbox keeps it until its ticket is there. */
const DISPATCH = `
local function dispatch(run, now, reason)
  local key = run_key(run.id)
  run.dispatch = run.dispatch + 1
  redis.call('HSET', key, 'dispatch', int(run.dispatch), 'queued_reason', 'capacity')
  redis.call('ZADD', P .. 'outbox', int(now), run.id .. '.' .. int(run.dispatch))
  redis.call('ZADD', P .. 'backlog', int((${LIMITS.priority} - run.priority) * ${PRIORITY_ROOM_MS} + now), run.id)
  append(run, now, {'run.queued', '{"dispatch":' .. int(run.dispatch) .. (reason and (',"reason":' .. reason) or '') .. '}'})
  return {run.id, run.dispatch, run.priority}
end
`;

/** `enter(run, now)`: a queued run takes its session's turn and gets a dispatch, which is answered, or waits for the turn. */
const ENTER = `
local function enter(run, now)
  local session_key = P .. 'session:' .. run.session
  if redis.call('HSETNX', session_key, 'active', run.id) == 1 then return dispatch(run, now) end
  redis.call('HSET', run_key(run.id), 'queued_reason', 'session')
  redis.call('RPUSH', session_key .. ':waiting', run.id)
  append(run, now, {'run.queued', '{"dispatch":0,"reason":"session"}'})
  return false
end
`;

/** `free_session(run, now)`: the next run that waits for the session gets its turn; answers its dispatch, or false. */
const FREE_SESSION = `
local function free_session(run, now)
  local key = P .. 'session:' .. run.session
  redis.call('LREM', key .. ':waiting', 0, run.id)
  if redis.call('HGET', key, 'active') ~= run.id then return false end
  local id = redis.call('LPOP', key .. ':waiting')
  while id do
    local waiting = load(id)
    if waiting and waiting.status == 'queued' then
      redis.call('HSET', key, 'active', id)
      return dispatch(waiting, now)
    end
    id = redis.call('LPOP', key .. ':waiting')
  end
  redis.call('HDEL', key, 'active')
  return false
end
`;

/** `end_run(run, now, status, outcome, events)`: last events, run.finished, indexes, lease, session. Answers like free_session. */
const END_RUN = `
local function end_run(run, now, status, outcome, events)
  local key = run_key(run.id)
  outcome = with_spent(run, outcome)
  set_status(run, status)
  redis.call('HSET', key, 'outcome', outcome, 'ended', int(now))
  redis.call('HDEL', key, 'lease_until', 'queued_reason', 'waiting_for', 'held', 'claim')
  events[#events + 1] = 'run.finished'
  events[#events + 1] = outcome
  append(run, now, events)
  redis.call('ZREM', P .. 'leases', run.id)
  redis.call('ZREM', P .. 'outbox', run.id .. '.' .. int(run.dispatch))
  redis.call('DEL', key .. ':inbox')
  redis.call('ZADD', P .. 'compactions', int(now), run.id)
  local turn = free_session(run, now)
  -- When both are answered for, the outbox sends the other ticket.
  return free_schedule(run, now) or turn
end
`;

/** `expire_run(run, now)`: ends a run that no worker claimed in time. Answers like free_session. */
const EXPIRE_RUN = `
local function expire_run(run, now) return end_run(run, now, 'failed', [==[${JSON.stringify(EXPIRED)}]==], {}) end
`;

/**
 * `free_worker(run)`: no worker has the run any more. `forget_losses(run)`: what was lost before does not count any more.
 * `leave_worker(run, now, reason, canceled, left)`: back into the queue, or to its end when a cancel was asked for. `left` is the
 * LeaveReason, '' for none, nil to keep that of the attempt before.
 */
const LEAVE_WORKER = `
local function free_worker(run)
  redis.call('HDEL', run_key(run.id), 'lease_until', 'worker', 'claim')
  redis.call('ZREM', P .. 'leases', run.id)
end
local function forget_losses(run) redis.call('HDEL', run_key(run.id), 'losses', 'shared', 'lost') end
local function leave_worker(run, now, reason, canceled, left)
  if run.cancel_requested then return end_run(run, now, 'canceled', canceled, {}) end
  set_status(run, 'queued')
  free_worker(run)
  if left == '' then redis.call('HDEL', run_key(run.id), 'left') end
  -- A claim that was lost before it came to a process says nothing about why the attempt before it left.
  local is_lost_claim = (left == 'lease_expired' or left == 'lease_lost') and run.spawned ~= run.attempt
  if left and left ~= '' then redis.call(is_lost_claim and 'HSETNX' or 'HSET', run_key(run.id), 'left', left) end
  return dispatch(run, now, reason)
end
`;

/** A script body behind the shared functions. */
export function lua(body: string): string {
  return BASICS + TELL + APPEND + UPSTREAM_LUA + DISPATCH + ENTER + SCHEDULE_LUA + FREE_SESSION + SPENT_LUA + END_RUN + EXPIRE_RUN + LEAVE_WORKER + ADVANCE_UPSTREAMS_LUA + body;
}
