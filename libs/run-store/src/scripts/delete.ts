// delete: forgets a terminal run.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id = ARGV[2]
local key = KEYS[1]
local run = load(id)
if not run then return {'not_found'} end
if not is_terminal(run) then return {'not_terminal'} end
local member = run.created .. '_' .. id
local session_index = P .. 'runs:session:' .. run.session
redis.call('ZREM', P .. 'runs', member)
redis.call('ZREM', P .. 'runs:status:' .. run.status, member)
redis.call('ZREM', session_index, member)
local more = redis.call('HMGET', key, 'trigger', 'schedule', 'tags')
redis.call('ZREM', P .. 'runs:trigger:' .. more[1], member)
if more[2] then redis.call('ZREM', P .. 'runs:schedule:' .. more[2], member) end
for tag in string.gmatch(more[3] or '', '[^\\n]+') do redis.call('ZREM', P .. 'runs:tag:' .. tag, member) end
redis.call('ZREM', P .. 'compactions', id)
-- A session goes with its last run.
local is_last = redis.call('EXISTS', session_index) == 0
if is_last then redis.call('DEL', P .. 'session:' .. run.session) end
redis.call('DEL', key, key .. ':events', key .. ':log', key .. ':inbox')
return {'deleted', is_last and run.session or ''}
`),
);

export interface Deletion {
  readonly kind: 'deleted' | 'not_found' | 'not_terminal';
  /** The session that went with its last run; '' when it has others. */
  readonly session: string;
}

export async function deleteRun(redis: Redis, keys: Keys, runId: string): Promise<Deletion> {
  const [kind, session] = listOf(await script.run(redis, [keys.run(runId)], [keys.prefix, runId])).map(textOf);
  return { kind: kind === 'deleted' || kind === 'not_terminal' ? kind : 'not_found', session: session ?? '' };
}
