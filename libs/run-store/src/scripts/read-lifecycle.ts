// read-lifecycle: what happened to all runs after a number, and which numbers there are.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { bytesOf, listOf, numberOf } from '../reply.js';
import { Script } from '../script.js';
import { LIFECYCLE_SECONDS, lua } from './common.js';

// Without `after` it only tells the last number.
const script = new Script(
  lua(`
local after, limit = ARGV[2], ARGV[3]
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
-- Where the next event will begin to count, for whoever listens before the first.
if last == 0 then
  last = now_ms()
  redis.call('SET', KEYS[2], int(last), 'EX', ${LIFECYCLE_SECONDS})
end
if after == '' then return {last, last + 1} end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local payloads = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. after .. '-0', '+', 'COUNT', limit)) do payloads[#payloads + 1] = entry[2][2] end
return {last, first and tonumber(string.match(first[1], '^%d+')) or last + 1, unpack(payloads)}
`),
);

export interface LifecyclePart {
  /** Number of the latest event. */
  readonly last: number;
  /** Number of the oldest event that is kept. */
  readonly first: number;
  readonly payloads: Buffer[];
}

/** @param after undefined = no payloads */
export async function readLifecycle(redis: Redis, keys: Keys, after: number | undefined, limit: number): Promise<LifecyclePart> {
  const reply = await script.runForBuffers(redis, [keys.lifecycle, keys.lifecycleLast], [keys.prefix, after === undefined ? '' : Math.max(0, after), limit]);
  const [last, first, ...payloads] = listOf(reply);
  return { last: numberOf(last), first: numberOf(first), payloads: payloads.map(bytesOf) };
}
