// ticketed: a page of the queued runs whose ticket has been sent, so that somebody can look whether it is still there.
import type { Redis } from 'ioredis';
import type { TicketedPage } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local after, limit = ARGV[2], tonumber(ARGV[3])
local members = redis.call('ZRANGEBYLEX', P .. 'runs:status:queued', after == '' and '-' or ('(' .. after), '+', 'LIMIT', 0, limit)
local found = {}
for _, member in ipairs(members) do
  local id = string.match(member, '_(.*)$')
  local status, dispatch_number, reason, priority = unpack(redis.call('HMGET', run_key(id), 'status', 'dispatch', 'queued_reason', 'priority'))
  -- Those that wait for their session or their time have no ticket; those in the outbox get theirs from there.
  local sent = status == 'queued' and dispatch_number ~= '0' and reason ~= 'session' and reason ~= 'run_at'
  if sent and not redis.call('ZSCORE', P .. 'outbox', id .. '.' .. dispatch_number) then found[#found + 1] = {id, dispatch_number, priority or '0'} end
end
return {#members == limit and members[#members] or '', found}
`),
);

/** Oldest first, at most `limit` runs of the index after the place `after` ('' = from the oldest). */
export async function ticketed(redis: Redis, keys: Keys, after: string, limit: number): Promise<TicketedPage> {
  const [next, found] = listOf(await script.run(redis, [], [keys.prefix, after, limit]));
  return { dispatches: listOf(found).flatMap((reply) => dispatchOf(reply) ?? []), next: textOf(next) };
}
