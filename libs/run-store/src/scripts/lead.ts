// lead: one process at a time does a job, as long as it says so in time.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { numberOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const take = new Script(
  lua(`
local holder, ttl_ms = unpack(ARGV, 2)
local current = redis.call('GET', KEYS[1])
if current and current ~= holder then return 0 end
redis.call('SET', KEYS[1], holder, 'PX', ttl_ms)
return 1
`),
  EVEN_WHEN_FULL,
);

const giveUp = new Script(
  lua(`
if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('DEL', KEYS[1]) end
return 1
`),
  EVEN_WHEN_FULL,
);

/** Takes or prolongs the lead. False while another holder has it. */
export async function lead(redis: Redis, keys: Keys, job: string, term: { readonly holder: string; readonly ttlMs: number }): Promise<boolean> {
  return numberOf(await take.run(redis, [keys.leader(job)], [keys.prefix, term.holder, term.ttlMs])) === 1;
}

/** Gives up the lead; without effect when another holder has it. */
export async function resign(redis: Redis, keys: Keys, job: string, holder: string): Promise<void> {
  await giveUp.run(redis, [keys.leader(job)], [keys.prefix, holder]);
}
