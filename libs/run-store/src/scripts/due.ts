// due: members of a time-ordered set that are older than some milliseconds, oldest first.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local older_than_ms, limit = unpack(ARGV, 2)
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now_ms() - older_than_ms), 'LIMIT', 0, limit)
`),
);

export async function due(redis: Redis, keys: Keys, query: { readonly set: string; readonly olderThanMs: number; readonly limit: number }): Promise<string[]> {
  return listOf(await script.run(redis, [query.set], [keys.prefix, query.olderThanMs, query.limit])).map(textOf);
}
