// of_no_use: which of some dispatches no worker will ever claim, because the run is over, gone, at work, or has a later one.
import type { Redis } from 'ioredis';
import type { Dispatch } from '../answers.js';
import type { Keys } from '../keys.js';
import { listOf, numberOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local useless = {}
for i = 2, #ARGV, 2 do
  local status, current = unpack(redis.call('HMGET', run_key(ARGV[i]), 'status', 'dispatch'))
  if status ~= 'queued' or current ~= ARGV[i + 1] then useless[#useless + 1] = (i - 2) / 2 end
end
return useless
`),
);

export async function ofNoUse<T extends Pick<Dispatch, 'runId' | 'dispatch'>>(redis: Redis, keys: Keys, dispatches: readonly T[]): Promise<T[]> {
  const places = listOf(await script.run(redis, [], [keys.prefix, ...dispatches.flatMap(({ runId, dispatch }) => [runId, dispatch])]));
  return places.flatMap((place) => dispatches[numberOf(place)] ?? []);
}
