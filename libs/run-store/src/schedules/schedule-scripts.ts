// Scripts of schedules: put, read, list, forget, skip a slot, read the ledger.
import { Script } from '../script.js';
import { lua } from '../scripts/common.js';

/** Prompts may have 4 MiB each: a page ends early rather than making a reply of hundreds of megabytes. */
const PAGE_BYTES = 8 * 1024 * 1024;

/** `read_schedule(id, now)`: names and values, with the latest row of the ledger. */
const READ = `
local function read_schedule(id, now)
  local flat = redis.call('HGETALL', P .. 'schedule:' .. id)
  local slot = redis.call('ZREVRANGE', P .. 'schedule:' .. id .. ':slots', 0, 0)[1]
  for _, v in ipairs({'id', id, 'now', int(now), 'slot', slot or ''}) do flat[#flat + 1] = v end
  return flat
end
`;

/**
 * Without a word on it a paused schedule stays paused: the rule comes in both forms. Other due times count from now. A slot that is due by the old rule must be decided first, or it would be lost without a word.
 */
export const putScript = new Script(
  lua(`${READ}
local id, rule_on, rule_off, times, request, max, settled_until = unpack(ARGV, 2)
local key, now = P .. 'schedule:' .. id, now_ms()
local s = redis.call('HMGET', key, 'revision', 'times', 'decided', 'rule')
if not s[1] and redis.call('ZCARD', P .. 'schedules') >= tonumber(max) then return {'too_many'} end
if s[1] and settled_until ~= '' and now >= tonumber(settled_until) then return {'due'} end
local decided = tonumber(s[3] or '0')
if s[2] ~= times then decided = math.max(decided, now) end
local was_paused = s[4] and cjson.decode(s[4]).enabled == false
redis.call('HSET', key, 'rule', was_paused and rule_off or rule_on, 'times', times, 'request', request, 'updated', int(now), 'decided', int(decided), 'revision', int((s[1] or 0) + 1))
redis.call('HSETNX', key, 'created', int(now))
redis.call('ZADD', P .. 'schedules', 0, id)
return {s[1] and 'updated' or 'created', read_schedule(id, now)}
`),
);

export const getScript = new Script(lua(`${READ} return read_schedule(ARGV[2], now_ms())`));

/** Without the requests, which may be large. */
export const timingsScript = new Script(
  lua(`
local after, limit = ARGV[2], ARGV[3]
local now, reply = int(now_ms()), {}
for i, id in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], after == '' and '-' or ('(' .. after), '+', 'LIMIT', 0, limit)) do
  local s = redis.call('HMGET', P .. 'schedule:' .. id, 'rule', 'revision', 'decided')
  reply[i] = {'id', id, 'now', now, 'rule', s[1], 'revision', s[2], 'decided', s[3]}
end
return reply
`),
);

export const listScript = new Script(
  lua(`${READ}
local after, limit = ARGV[2], tonumber(ARGV[3])
local now, bytes, records, last = now_ms(), 0, {}, ''
local ids = redis.call('ZRANGEBYLEX', KEYS[1], after == '' and '-' or ('(' .. after), '+', 'LIMIT', 0, limit + 1)
for i, id in ipairs(ids) do
  if i > limit or bytes >= ${PAGE_BYTES} then return {last, records} end
  local flat = read_schedule(id, now)
  for _, v in ipairs(flat) do bytes = bytes + #v end
  records[i] = flat
  last = id
end
return {'', records}
`),
);

/** Its runs stay, and those that wait for their turn still get it. */
export const deleteScript = new Script(
  lua(`
local id = ARGV[2]
redis.call('ZREM', P .. 'schedules', id)
redis.call('DEL', P .. 'schedule:' .. id .. ':slots')
return redis.call('DEL', P .. 'schedule:' .. id)
`),
);

export const skipScript = new Script(
  lua(`
local slot = cjson.decode(ARGV[2])
if not is_as_planned(slot) then return 0 end
decide_slot(slot.schedule, slot.from, slot.due, now_ms(), ARGV[3])
return 1
`),
);

/** The latest first: `before` is the score of the last one of the page before. */
export const slotsScript = new Script(
  lua(`
local before, limit = ARGV[2], tonumber(ARGV[3])
return redis.call('ZREVRANGEBYSCORE', KEYS[1], before == '' and '+inf' or ('(' .. before), '-inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
`),
);
