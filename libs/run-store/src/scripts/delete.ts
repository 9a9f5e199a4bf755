// delete: forgets a terminal run.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id = ARGV[2]
local key = KEYS[1]
local run = load(id)
if not run then return 'not_found' end
if not is_terminal(run) then return 'not_terminal' end
local member = run.created .. '_' .. id
local session_index = P .. 'runs:session:' .. run.session
redis.call('ZREM', P .. 'runs', member)
redis.call('ZREM', P .. 'runs:status:' .. run.status, member)
redis.call('ZREM', session_index, member)
redis.call('ZREM', P .. 'compactions', id)
-- A session goes with its last run.
if redis.call('EXISTS', session_index) == 0 then redis.call('DEL', P .. 'session:' .. run.session) end
redis.call('DEL', key, key .. ':events', key .. ':log', key .. ':inbox')
return 'deleted'
`),
);

export async function deleteRun(redis: Redis, keys: Keys, runId: string): Promise<'deleted' | 'not_found' | 'not_terminal'> {
  const answer = textOf(await script.run(redis, [keys.run(runId)], [keys.prefix, runId]));
  return answer === 'deleted' || answer === 'not_terminal' ? answer : 'not_found';
}
