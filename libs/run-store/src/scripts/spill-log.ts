// spill-log: the oldest events of a live run leave Redis once a file has them; who holds the attempt decides.
import type { Redis } from 'ioredis';
import type { Attempt } from '../answers.js';
import type { Keys } from '../keys.js';
import type { LogPartName } from '../log-blob.js';
import { listOf, numberOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const FIND = `
local id, attempt = unpack(ARGV, 2, 3)
local run = load(id)
if not run or int(run.attempt) ~= attempt or not (run.status == 'running' or run.status == 'waiting') then return {'lost'} end
local parts = redis.call('HGET', KEYS[1], 'log_parts') or ''
local count, last = 0, ''
for each in string.gmatch(parts, '%S+') do
  count = count + 1
  last = each
end
`;

const look = new Script(lua(`${FIND} return {'live', count, last, redis.call('HGET', KEYS[1], 'log_bytes') or '0', run.seq}`));

// The same command again after its reply was lost finds its part as the last one. The last event stays in the stream: without one a
// stream would be gone.
const commit = new Script(
  lua(`${FIND}
local number, last_id, bytes = tonumber(ARGV[4]), ARGV[5], ARGV[6]
if count == number and last == last_id then return {'done'} end
local last_attempt, seq = string.match(last_id, '^(%d+)-(%d+)$')
if count ~= number - 1 or tonumber(seq) >= run.seq then return {'lost'} end
redis.call('HSET', KEYS[1], 'log_parts', (parts == '' and '' or parts .. ' ') .. last_id)
redis.call('HINCRBY', KEYS[1], 'log_bytes', '-' .. bytes)
redis.call('XTRIM', KEYS[2], 'MINID', last_attempt .. '-' .. int(seq + 1))
return {'done'}
`),
  EVEN_WHEN_FULL,
);

export interface LiveLog {
  /** How many parts are in files, and the id of the last event in them: '' for none. */
  readonly parts: number;
  readonly lastId: string;
  /** What the stream takes in Redis, as `append` counts it. */
  readonly bytes: number;
  readonly lastSeq: number;
}

/** undefined when the attempt is over. */
export async function lookAtLog(redis: Redis, keys: Keys, { runId, attempt }: Attempt): Promise<LiveLog | undefined> {
  const [kind, parts, lastId, bytes, lastSeq] = listOf(await look.run(redis, [keys.run(runId)], [keys.prefix, runId, attempt]));
  if (textOf(kind) === 'lost') return undefined;
  return { parts: numberOf(parts), lastId: textOf(lastId), bytes: numberOf(bytes), lastSeq: numberOf(lastSeq) };
}

/** Names a part in the record and trims the stream, in one step. False when it was refused: the file is nobody's. */
export async function commitPart(redis: Redis, keys: Keys, { runId, attempt }: Attempt, part: LogPartName & { readonly bytes: number }): Promise<boolean> {
  const args = [keys.prefix, runId, attempt, part.number, part.lastId, part.bytes];
  return textOf(listOf(await commit.run(redis, [keys.run(runId), keys.events(runId)], args))[0]) === 'done';
}
