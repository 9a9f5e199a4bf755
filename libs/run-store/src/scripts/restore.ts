// restore: events that Redis had confirmed and lost come back under their numbers.
import type { Redis } from 'ioredis';
import type { Lease, NewEvent } from '../answers.js';
import type { Keys } from '../keys.js';
import { numberOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { eventArguments, FLUSH_RANGE } from './append.js';
import { lua } from './common.js';

/** A flush as it was confirmed, or events of others between two flushes (number 0). */
export interface ConfirmedFlush {
  readonly number: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Milliseconds since 1970 by the clock of Redis. */
  readonly atMs: number;
  readonly events: readonly NewEvent[];
}

const LOST = -1;

const script = new Script(
  lua(`${FLUSH_RANGE}
local id, attempt, worker, number, first, last, at = unpack(ARGV, 2, 8)
local run = load(id)
if not run or not is_held_by(run, attempt, worker) then return ${LOST} end
first, last, at = tonumber(first), tonumber(last), tonumber(at)
local there = math.max(0, run.seq + 1 - first)
local events = {}
for i = 9 + 2 * there, #ARGV do events[#events + 1] = ARGV[i] end
if #events == 0 then return 0 end
-- What is not remembered any more stays lost, but nothing else gets its numbers: viewers have seen them.
run.seq = math.max(run.seq, first - 1)
append(run, at, events)
if number ~= '0' then note_flush(run, number, first, last, at) end
return #events / 2
`),
  EVEN_WHEN_FULL,
);

/** Answers how many events were added: 0 when all of them are there. undefined when the attempt is over. May be repeated. */
export async function restore(redis: Redis, keys: Keys, { runId, attempt, workerId }: Lease, flush: ConfirmedFlush): Promise<number | undefined> {
  const { number, firstSeq, lastSeq, atMs, events } = flush;
  const args = [keys.prefix, runId, attempt, workerId, number, firstSeq, lastSeq, atMs, ...eventArguments(events)];
  const added = numberOf(await script.run(redis, [keys.run(runId), keys.events(runId)], args));
  return added === LOST ? undefined : added;
}
