// note-model: what the CLI said about itself, only from the current attempt.
import type { Redis } from 'ioredis';
import type { Attempt } from '../answers.js';
import type { Keys } from '../keys.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id, attempt, model = unpack(ARGV, 2)
local run = load(id)
if run and int(run.attempt) == attempt and is_live(run) then redis.call('HSET', KEYS[1], 'model', model) end
return 1
`),
);

export async function noteModel(redis: Redis, keys: Keys, attempt: Attempt, model: string): Promise<void> {
  await script.run(redis, [keys.run(attempt.runId)], [keys.prefix, attempt.runId, attempt.attempt, model]);
}
