// note: what the worker of the current attempt learned about its run.
import type { Redis } from 'ioredis';
import type { Attempt, Lease } from '../answers.js';
import type { Keys } from '../keys.js';
import { textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const model = new Script(
  lua(`
local id, attempt, model = unpack(ARGV, 2)
local run = load(id)
if run and int(run.attempt) == attempt and is_live(run) then redis.call('HSET', KEYS[1], 'model', model) end
return 1
`),
  EVEN_WHEN_FULL,
);

/** What the CLI said about itself. */
export async function noteModel(redis: Redis, keys: Keys, attempt: Attempt, name: string): Promise<void> {
  await model.run(redis, [keys.run(attempt.runId)], [keys.prefix, attempt.runId, attempt.attempt, name]);
}

const spawn = new Script(
  lua(`
local id, attempt, worker = unpack(ARGV, 2)
local run = load(id)
if not run or not is_live(run) or int(run.attempt) ~= attempt or run.worker ~= worker or run.lease_until <= now_ms() then return 'lost' end
redis.call('HSET', KEYS[1], 'spawned', attempt)
-- What a user decided is used up only now: a claim that came to nothing leaves it to the next one.
redis.call('HDEL', KEYS[1], 'unspawned', 'decision')
return 'noted'
`),
  EVEN_WHEN_FULL,
);

/** A process may exist from now on. */
export async function noteSpawn(redis: Redis, keys: Keys, { runId, attempt, workerId }: Lease): Promise<'noted' | 'lost'> {
  const answer = textOf(await spawn.run(redis, [keys.run(runId)], [keys.prefix, runId, attempt, workerId]));
  return answer === 'noted' ? 'noted' : 'lost';
}

const progress = new Script(
  lua(`
local id, attempt = unpack(ARGV, 2)
local run = load(id)
if run and int(run.attempt) == attempt and is_live(run) then forget_losses(run) end
return 1
`),
  EVEN_WHEN_FULL,
);

/** Something was achieved that no loss takes away. */
export async function noteProgress(redis: Redis, keys: Keys, { runId, attempt }: Attempt): Promise<void> {
  await progress.run(redis, [keys.run(runId)], [keys.prefix, runId, attempt]);
}
