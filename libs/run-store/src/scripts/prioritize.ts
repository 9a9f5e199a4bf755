// prioritize: a queued run gets another priority; one that waits for a worker is dispatched again with it.
import type { RunStatus } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { PrioritizeAnswer } from '../answers.js';
import { dispatchOf } from '../dispatch-of.js';
import type { Keys } from '../keys.js';
import { recordOf } from '../parse-record.js';
import { listOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id, priority = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run then return {'not_found'} end
if run.status ~= 'queued' then return {'not_queued', run.status} end
if run.priority == tonumber(priority) then return {'moved', record(id, now)} end
redis.call('HSET', key, 'priority', priority)
run.priority = tonumber(priority)
if not redis.call('ZSCORE', P .. 'backlog', id) then return {'moved', record(id, now)} end
local old = run.dispatch
redis.call('ZREM', P .. 'outbox', id .. '.' .. int(old))
local next_dispatch = dispatch(run, now, '"priority"')
return {'moved', record(id, now), next_dispatch, {id, old}}
`),
);

export async function prioritize(redis: Redis, keys: Keys, runId: string, priority: number): Promise<PrioritizeAnswer> {
  const [kind, what, next, old] = listOf(await script.run(redis, [keys.run(runId), keys.events(runId)], [keys.prefix, runId, priority]));
  switch (textOf(kind)) {
    case 'moved':
      return { kind: 'moved', run: recordOf(what), next: dispatchOf(next), old: dispatchOf(old) };
    case 'not_queued':
      return { kind: 'not_queued', status: textOf(what) as RunStatus };
    default:
      return { kind: 'not_found' };
  }
}
