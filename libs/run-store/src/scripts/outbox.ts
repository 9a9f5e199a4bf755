// outbox: dispatches that got no ticket for some milliseconds, oldest first, with their priority.
import type { Redis } from 'ioredis';
import type { Dispatch } from '../answers.js';
import { dispatchOfMember } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { listOf, numberOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local older_than_ms, limit = unpack(ARGV, 2)
local reply = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now_ms() - older_than_ms), 'LIMIT', 0, limit)) do
  reply[#reply + 1] = member
  reply[#reply + 1] = redis.call('HGET', run_key(string.match(member, '^(.*)%.')), 'priority') or '0'
end
return reply
`),
);

export async function undispatched(redis: Redis, keys: Keys, query: { readonly olderThanMs: number; readonly limit: number }): Promise<Dispatch[]> {
  const reply = listOf(await script.run(redis, [keys.outbox], [keys.prefix, query.olderThanMs, query.limit]));
  const dispatches: Dispatch[] = [];
  for (let i = 0; i + 1 < reply.length; i += 2) dispatches.push(dispatchOfMember(textOf(reply[i]), numberOf(reply[i + 1])));
  return dispatches;
}
