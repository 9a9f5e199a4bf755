// swap-log: readers go from the stream to the finished blob in one step; the stream stays a while for those in the middle.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

export const STREAM_STAYS_SECONDS = 60;

const script = new Script(
  lua(`
local id, place, blob = unpack(ARGV, 2)
local key = KEYS[1]
local run = load(id)
if not run then
  redis.call('ZREM', P .. 'compactions', id)
  return 'unknown'
end
if not is_terminal(run) then return 'live' end
local now_in = redis.call('HGET', key, 'log')
if now_in == 'stream' and place ~= '' then
  if place == 'redis' then redis.call('SET', key .. ':log', blob) end
  redis.call('HSET', key, 'log', place)
  redis.call('EXPIRE', key .. ':events', ${STREAM_STAYS_SECONDS})
  now_in = place
end
if now_in ~= 'stream' then redis.call('ZREM', P .. 'compactions', id) end
return now_in
`),
);

/** Where the log is: in the stream of a run that is `live` or not compacted, in a blob, or nowhere. */
export type LogState = 'unknown' | 'live' | 'stream' | 'redis' | 'file';

/** Puts the blob in the place of the stream unless another compaction was first. Without a blob it only tells. */
export async function swapLog(redis: Redis, keys: Keys, runId: string, blob?: Buffer | 'file'): Promise<LogState> {
  const [place, bytes] = blob === undefined ? ['', ''] : blob === 'file' ? ['file', ''] : ['redis', blob];
  return textOf(await script.run(redis, [keys.run(runId), keys.events(runId), keys.log(runId)], [keys.prefix, runId, place, bytes])) as LogState;
}
