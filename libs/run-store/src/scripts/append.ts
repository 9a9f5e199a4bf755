// append: a flush of the worker of an attempt, or one event from outside.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { AppendAnswer, Attempt, Flush, NewEvent } from '../answers.js';
import type { Connection } from '../connection.js';
import type { Keys } from '../keys.js';
import { listOf, numberOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import type { ScriptArgument } from '../script.js';
import { lua } from './common.js';

/**
 * Lua: `flush_range(run, number)` answers the first and last seq when this flush was added before.
 * Only the latest flush can come again, because the worker waits for each answer.
 */
export const FLUSH_RANGE = `
local function flush_range(run, number)
  local attempt, seen, first, last = string.match(run.flush or '', '^(%d+):(%d+):(%d+):(%d+)$')
  if attempt ~= int(run.attempt) then return nil end
  if seen == number then return tonumber(first), tonumber(last) end
  if tonumber(number) < tonumber(seen) then error('flush ' .. number .. ' of ' .. run.id .. ' came after flush ' .. seen) end
end
-- The events of the last flush of an attempt, from this argument on: what lastFlushArguments made. What was added before is left out.
local function last_events(run, from)
  local number, unconfirmed, count = unpack(ARGV, from, from + 2)
  local events = {}
  if number == '0' or flush_range(run, number) then return events end
  local is_there = unconfirmed ~= '0' and flush_range(run, unconfirmed)
  for i = from + 3 + (is_there and 2 * count or 0), #ARGV do events[#events + 1] = ARGV[i] end
  return events
end
local function note_flush(run, number, first, last)
  redis.call('HSET', run_key(run.id), 'flush', int(run.attempt) .. ':' .. number .. ':' .. int(first) .. ':' .. int(last))
end
`;

const script = new Script(
  lua(`${FLUSH_RANGE}
local id, attempt, number = unpack(ARGV, 2, 4)
local run = load(id)
if not run or int(run.attempt) ~= attempt or not is_live(run) then return {'lost'} end
local first, last = flush_range(run, number)
if first then return {'appended', first, last, redis.call('HGET', KEYS[1], 'log_bytes') or '0'} end
first = run.seq + 1
local events = {}
for i = 5, #ARGV do events[#events + 1] = ARGV[i] end
append(run, now_ms(), events)
note_flush(run, number, first, run.seq)
return {'appended', first, run.seq, redis.call('HGET', KEYS[1], 'log_bytes') or '0'}
`),
);

const outside = new Script(
  lua(`
local id, token, kind, data = unpack(ARGV, 2)
local run = load(id)
if not run or is_terminal(run) then return false end
local seen_token, seen_id = string.match(redis.call('HGET', KEYS[1], 'outside') or '', '^(%S+) (%S+)$')
if seen_token == token then return seen_id end
append(run, now_ms(), {kind, data})
local event_id = int(run.attempt) .. '-' .. int(run.seq)
redis.call('HSET', KEYS[1], 'outside', token .. ' ' .. event_id)
return event_id
`),
);

/** Events as arguments of a script: type, data, type, data … */
function eventArguments(events: readonly NewEvent[]): ScriptArgument[] {
  return events.flatMap(({ type, data }) => [type, data]);
}

/** Arguments for the Lua function last_events; they are the last ones of their script. */
export function lastFlushArguments(flush: Flush | undefined): ScriptArgument[] {
  if (flush === undefined) return [0, 0, 0];
  const { number, events, unconfirmed } = flush;
  return [number, unconfirmed?.number ?? 0, unconfirmed?.events.length ?? 0, ...eventArguments([...(unconfirmed?.events ?? []), ...events])];
}

export interface Appended {
  readonly answer: AppendAnswer;
  /** What the stream takes in Redis now. */
  readonly logBytes: number;
}

export async function append(redis: Redis, keys: Keys, attempt: Attempt, flush: Flush): Promise<Appended> {
  const { runId } = attempt;
  const args = [keys.prefix, runId, attempt.attempt, flush.number, ...eventArguments(flush.events)];
  const [kind, first, last, logBytes] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args));
  if (textOf(kind) === 'lost') return { answer: { kind: 'lost' }, logBytes: 0 };
  return { answer: { kind: 'appended', firstSeq: numberOf(first), lastSeq: numberOf(last) }, logBytes: numberOf(logBytes) };
}

/** Adds an event to a run that is not terminal. Answers its id, or undefined. */
export async function appendFromOutside(connection: Connection, keys: Keys, runId: string, event: NewEvent): Promise<string | undefined> {
  const args = [keys.prefix, runId, randomUUID(), event.type, event.data];
  const reply = await connection.run((redis) => outside.run(redis, [keys.run(runId), keys.events(runId)], args));
  return reply === null ? undefined : textOf(reply);
}
