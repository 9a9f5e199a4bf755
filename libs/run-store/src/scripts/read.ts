// read: a page of the log from wherever it is, so that a reader never falls between stream and blob.
import { DELTA_EVENT_TYPE } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { StoredEvent } from '../answers.js';
import type { Keys } from '../keys.js';
import type { LogPartName } from '../log-blob.js';
import { bytesOf, isoOf, listOf, numberOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

/** A page ends when its data reaches this many bytes; one event may exceed it. */
export const PAGE_BYTES = 1024 * 1024;
const SCAN_EVENTS = 5000;

/** Lua: `part_after(parts, after)`: the first part that reaches beyond an event id. `parts`: the last id of each, in order. */
const PARTS = `
local function is_later(id, than)
  local a, b = string.match(id, '^(%d+)-(%d+)$')
  local c, d = string.match(than, '^(%d+)-(%d+)$')
  if not c or a ~= c then return not c or tonumber(a) > tonumber(c) end
  return tonumber(b) > tonumber(d)
end
local function part_after(parts, after)
  local number = 0
  for last in string.gmatch(parts or '', '%S+') do
    number = number + 1
    if is_later(last, after) then return {number = number, last = last} end
  end
  return nil
end
-- Of data that is kept in a file there is only a reference: large-data.ts.
local function size_of(data)
  return string.byte(data) == 1 and tonumber(string.match(data, '^\\1(%d+) %S+$')) or #data
end
`;

// Small batches bound what Lua holds when events are large.
const script = new Script(
  lua(`${PARTS}
local after, limit, deltas = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local head = redis.call('HMGET', KEYS[1], 'status', 'log', 'log_parts')
if not head[1] then return {'unknown'} end
-- The oldest events may have been moved to files, until the blob has everything.
local part = part_after(head[3], after)
if part and head[2] == 'stream' then return {'part', part.number, part.last} end
if part or redis.call('EXISTS', KEYS[2]) == 0 then
  if head[2] == 'redis' then return {'redis', redis.call('GET', KEYS[3])} end
  -- Every run has a first event, so a live log that is not there has been lost.
  return {head[2] == 'file' and 'file' or 'gone'}
end
local reply = {'page', 0, after}
local from = after == '' and '-' or ('(' .. after)
local count, scanned, bytes, exhausted = 0, 0, 0, false
while count < limit and scanned < ${SCAN_EVENTS} and bytes < ${PAGE_BYTES} and not exhausted do
  local rows = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', math.min(16, limit - count))
  exhausted = #rows == 0
  for _, row in ipairs(rows) do
    local kind, ts, data = row[2][2], row[2][4], row[2][6]
    if deltas or kind ~= '${DELTA_EVENT_TYPE}' then
      for _, v in ipairs({row[1], kind, ts, data}) do reply[#reply + 1] = v end
      count = count + 1
      bytes = bytes + size_of(data)
    end
    scanned = scanned + 1
    reply[3] = row[1]
    from = '(' .. row[1]
    if kind == 'run.finished' then reply[2] = 1 end
    if bytes >= ${PAGE_BYTES} then break end
  end
end
-- 0: there may be more now, 1: this was the last event, 2: that is all for now
if exhausted and reply[2] == 0 then
  reply[2] = (head[1] == 'succeeded' or head[1] == 'failed' or head[1] == 'canceled') and 1 or 2
end
return reply
`),
);

export type LogPart =
  | {
      readonly kind: 'page';
      readonly events: StoredEvent[];
      /** Id of the last event looked at, left-out ones included; '' when the log was empty so far. */
      readonly cursor: string;
      /** `more` may be there now · `caught_up` with what is there · `end` of the log. */
      readonly state: 'more' | 'caught_up' | 'end';
    }
  /** The next events are in a part that was moved out of Redis. */
  | { readonly kind: 'part'; readonly part: LogPartName }
  /** The finished log: its bytes, `file`, or null when it should be in Redis and is not. */
  | { readonly kind: 'blob'; readonly blob: Buffer | 'file' | null }
  | { readonly kind: 'unknown' };

export interface LogQuery {
  /** Event id, or '' for the beginning. */
  readonly after: string;
  readonly limit: number;
  readonly deltas: boolean;
}

export async function readLog(redis: Redis, keys: Keys, runId: string, query: LogQuery): Promise<LogPart> {
  const args = [keys.prefix, query.after, query.limit, query.deltas ? '1' : '0'];
  const reply = listOf(await script.runForBuffers(redis, [keys.run(runId), keys.events(runId), keys.log(runId)], args));
  switch (textOf(reply[0])) {
    case 'page': {
      const state = (['more', 'end', 'caught_up'] as const)[numberOf(reply[1])] ?? 'more';
      return { kind: 'page', events: eventsOf(reply.slice(3)), cursor: textOf(reply[2]), state };
    }
    case 'part':
      return { kind: 'part', part: { number: numberOf(reply[1]), lastId: textOf(reply[2]) } };
    case 'redis':
      return { kind: 'blob', blob: Buffer.isBuffer(reply[1]) ? reply[1] : null };
    case 'file':
      return { kind: 'blob', blob: 'file' };
    case 'gone':
      return { kind: 'blob', blob: null };
    default:
      return { kind: 'unknown' };
  }
}

function eventsOf(flat: readonly unknown[]): StoredEvent[] {
  const events: StoredEvent[] = [];
  for (let i = 0; i + 3 < flat.length; i += 4) {
    events.push({ id: textOf(flat[i]), type: textOf(flat[i + 1]), ts: isoOf(numberOf(flat[i + 2])), data: bytesOf(flat[i + 3]) });
  }
  return events;
}
