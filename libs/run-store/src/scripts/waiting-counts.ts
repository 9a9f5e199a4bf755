// waiting-counts: how many runs wait, by what they wait for.
import type { WaitingFor } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const AT_A_TIME = 500;
/** Beyond that the numbers are too small; nobody counts on. */
const MOST_PAGES = 40;

const script = new Script(
  lua(`
local after = ARGV[2]
local members = redis.call('ZRANGEBYLEX', P .. 'runs:status:waiting', after == '' and '-' or ('(' .. after), '+', 'LIMIT', 0, ${AT_A_TIME})
local found = {#members == ${AT_A_TIME} and members[#members] or ''}
for _, member in ipairs(members) do
  local waiting_for = redis.call('HGET', run_key(string.match(member, '_(.*)$')), 'waiting_for')
  if waiting_for then found[#found + 1] = waiting_for end
end
return found
`),
);

export async function waitingCounts(redis: Redis, keys: Keys): Promise<Record<WaitingFor, number>> {
  const counts: Record<WaitingFor, number> = { permission: 0, recovery: 0, quota: 0, auth: 0 };
  let after = '';
  for (let page = 0; page < MOST_PAGES; page++) {
    const [next, ...found] = listOf(await script.run(redis, [], [keys.prefix, after])).map(textOf);
    for (const waitingFor of found) counts[waitingFor as WaitingFor] += 1;
    if (next === undefined || next === '') break;
    after = next;
  }
  return counts;
}
