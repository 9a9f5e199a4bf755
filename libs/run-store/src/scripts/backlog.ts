// backlog: how many runs wait for a worker, and how long the first of them has been waiting.
import { LIMITS } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { Backlog } from '../answers.js';
import type { Keys } from '../keys.js';
import { listOf, numberOf } from '../reply.js';
import { Script } from '../script.js';
import { lua, PRIORITY_ROOM_MS } from './common.js';

// Each priority has its own range of scores, ordered by time: the first of each range has waited longest there.
const script = new Script(
  lua(`
local oldest
for level = 0, ${2 * LIMITS.priority} do
  local floor = level * ${PRIORITY_ROOM_MS}
  local first = redis.call('ZRANGEBYSCORE', KEYS[1], int(floor), '(' .. int(floor + ${PRIORITY_ROOM_MS}), 'WITHSCORES', 'LIMIT', 0, 1)
  local since = first[2] and first[2] - floor
  if since and (not oldest or since < oldest) then oldest = since end
end
return {redis.call('ZCARD', KEYS[1]), oldest and int(math.max(0, now_ms() - oldest)) or false}
`),
);

export async function backlog(redis: Redis, keys: Keys): Promise<Backlog> {
  const [depth, oldest] = listOf(await script.run(redis, [keys.backlog], [keys.prefix]));
  return { depth: numberOf(depth), oldestWaitMs: oldest === null ? null : numberOf(oldest) };
}
