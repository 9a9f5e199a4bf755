// append: a flush of the worker of an attempt, or one event from outside.
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { AppendAnswer, Flush, Lease, NewEvent } from '../answers.js';
import type { Connection } from '../connection.js';
import type { Keys } from '../keys.js';
import { listOf, numberOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import type { ScriptArgument } from '../script.js';
import { lua } from './common.js';

const BEHIND = 'RUNYARD_LOG_BEHIND';
const BEHIND_ERROR = /RUNYARD_LOG_BEHIND (\d+)/;

/**
 * Lua: `flush_range(run, number)` answers the first and last seq and the time when this flush was added before.
 * Only the latest flush can come again, because the worker waits for each answer.
 * `not_behind(run, after)` refuses a log that ends before what its worker has seen confirmed: see behindAt.
 */
export const FLUSH_RANGE = `
local function flush_range(run, number)
  local attempt, seen, first, last, at = string.match(run.flush or '', '^(%d+):(%d+):(%d+):(%d+):?(%d*)$')
  if attempt ~= int(run.attempt) then return nil end
  if seen == number then return tonumber(first), tonumber(last), tonumber(at) end
  if tonumber(number) < tonumber(seen) then error('flush ' .. number .. ' of ' .. run.id .. ' came after flush ' .. seen) end
end
local function not_behind(run, after)
  if run.seq < tonumber(after) then error('${BEHIND} ' .. int(run.seq) .. ' of ' .. after, 0) end
end
-- The events of the last flush of an attempt, from this argument on: what lastFlushArguments made. What was added before is left out.
local function last_events(run, from)
  local after, number, unconfirmed, count = unpack(ARGV, from, from + 3)
  not_behind(run, after)
  local events = {}
  if number == '0' or flush_range(run, number) then return events end
  local is_there = unconfirmed ~= '0' and flush_range(run, unconfirmed)
  for i = from + 4 + (is_there and 2 * count or 0), #ARGV do events[#events + 1] = ARGV[i] end
  return events
end
local function note_flush(run, number, first, last, at)
  redis.call('HSET', run_key(run.id), 'flush', int(run.attempt) .. ':' .. number .. ':' .. int(first) .. ':' .. int(last) .. ':' .. int(at))
end
`;

const script = new Script(
  lua(`${FLUSH_RANGE}
local id, attempt, worker, after, number = unpack(ARGV, 2, 6)
local run, now = load(id), now_ms()
if not run or not is_held_by(run, attempt, worker) then return {'lost'} end
local first, last, at = flush_range(run, number)
if first then return {'appended', first, last, at or now, redis.call('HGET', KEYS[1], 'log_bytes') or '0'} end
not_behind(run, after)
first = run.seq + 1
local events = {}
for i = 7, #ARGV do events[#events + 1] = ARGV[i] end
append(run, now, events)
note_flush(run, number, first, run.seq, now)
return {'appended', first, run.seq, now, redis.call('HGET', KEYS[1], 'log_bytes') or '0'}
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
export function eventArguments(events: readonly NewEvent[]): ScriptArgument[] {
  return events.flatMap(({ type, data }) => [type, data]);
}

/** How a worker ends its attempt's log. */
export interface LastFlush {
  /** The seq of the last event that this worker knows to be in the log; 0 when it knows of none. */
  readonly after: number;
  readonly flush: Flush | undefined;
}

/** Arguments for the Lua function last_events; they are the last ones of their script. */
export function lastFlushArguments({ after, flush }: LastFlush): ScriptArgument[] {
  if (flush === undefined) return [after, 0, 0, 0];
  const { number, events, unconfirmed } = flush;
  return [after, number, unconfirmed?.number ?? 0, unconfirmed?.events.length ?? 0, ...eventArguments([...(unconfirmed?.events ?? []), ...events])];
}

export interface Appended {
  readonly answer: AppendAnswer;
  /** When its events were added, in milliseconds since 1970 by the clock of Redis. */
  readonly atMs: number;
  /** What the stream takes in Redis now. */
  readonly logBytes: number;
}

/** @param after as in LastFlush @throws an error that behindAt knows, when Redis has lost events of this log */
export async function append(redis: Redis, keys: Keys, { runId, attempt, workerId }: Lease, after: number, { number, events }: Flush): Promise<Appended> {
  const args = [keys.prefix, runId, attempt, workerId, after, number, ...eventArguments(events)];
  const [kind, first, last, atMs, logBytes] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args));
  if (textOf(kind) === 'lost') return { answer: { kind: 'lost' }, atMs: 0, logBytes: 0 };
  return { answer: { kind: 'appended', firstSeq: numberOf(first), lastSeq: numberOf(last) }, atMs: numberOf(atMs), logBytes: numberOf(logBytes) };
}

/** The last seq of a log that ends before what its worker has seen confirmed, from the error of a script. Nothing was written. */
export function behindAt(error: unknown): number | undefined {
  const seq = error instanceof Error ? BEHIND_ERROR.exec(error.message)?.[1] : undefined;
  return seq === undefined ? undefined : Number(seq);
}

/** Adds an event to a run that is not terminal. Answers its id, or undefined. */
export async function appendFromOutside(connection: Connection, keys: Keys, runId: string, event: NewEvent): Promise<string | undefined> {
  const args = [keys.prefix, runId, randomUUID(), event.type, event.data];
  const reply = await connection.run((redis) => outside.run(redis, [keys.run(runId), keys.events(runId)], args));
  return reply === null ? undefined : textOf(reply);
}
