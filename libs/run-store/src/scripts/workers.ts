// The registry of workers: a heartbeat, a farewell, who was heard of, and who shall take no more.
import { idSchema } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { WorkerInfo, WorkerRecord } from '../answers.js';
import type { Keys } from '../keys.js';
import { isoOf, listOf, numberOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const workerIds = idSchema('worker');
const LOST_AFTER_MS = 15_000;
const FORGOTTEN_AFTER_MS = 60 * 60 * 1000;

const heartbeatScript = new Script(
  lua(`
local id, info, forgotten_ms = unpack(ARGV, 2)
redis.call('SET', KEYS[1], info, 'PX', forgotten_ms)
redis.call('ZADD', KEYS[2], int(now_ms()), id)
if redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
redis.call('PEXPIRE', KEYS[3], forgotten_ms)
return 1
`),
  EVEN_WHEN_FULL,
);

const listScript = new Script(
  lua(`
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', int(now - ARGV[2]))
local reply = {int(now)}
local members = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #members, 2 do
  local info = redis.call('GET', P .. 'worker:' .. members[i])
  if info then
    reply[#reply + 1] = members[i + 1]
    reply[#reply + 1] = info
    reply[#reply + 1] = redis.call('EXISTS', P .. 'worker:' .. members[i] .. ':drain')
  end
end
return reply
`),
);

const drainScript = new Script(
  lua(`
local id, forgotten_ms = unpack(ARGV, 2)
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[2], '1', 'PX', forgotten_ms)
redis.call('PUBLISH', KEYS[1] .. ':signals', '{"type":"drain"}')
return 1
`),
);

/** True when the worker shall take no more runs: a signal on its channel may have been missed. */
export async function heartbeat(redis: Redis, keys: Keys, info: WorkerInfo): Promise<boolean> {
  const args = [keys.prefix, info.id, JSON.stringify(info), FORGOTTEN_AFTER_MS];
  return numberOf(await heartbeatScript.run(redis, [keys.worker(info.id), keys.workers, keys.drain(info.id)], args)) === 1;
}

/** False when there is no such worker. */
export async function drainWorker(redis: Redis, keys: Keys, workerId: string): Promise<boolean> {
  // Anything else must not become part of the name of a key.
  if (!workerIds.safeParse(workerId).success) return false;
  return numberOf(await drainScript.run(redis, [keys.worker(workerId), keys.drain(workerId)], [keys.prefix, workerId, FORGOTTEN_AFTER_MS])) === 1;
}

export async function leave(redis: Redis, keys: Keys, workerId: string): Promise<void> {
  await redis.multi().zrem(keys.workers, workerId).del(keys.worker(workerId), keys.drain(workerId), keys.cutOff(workerId)).exec();
}

/** Ordered by id. */
export async function workers(redis: Redis, keys: Keys): Promise<WorkerRecord[]> {
  const [now, ...rest] = listOf(await listScript.run(redis, [keys.workers], [keys.prefix, FORGOTTEN_AFTER_MS]));
  const records: WorkerRecord[] = [];
  for (let i = 0; i + 2 < rest.length; i += 3) {
    const lastSeenMs = numberOf(rest[i]);
    const info = JSON.parse(textOf(rest[i + 1])) as WorkerInfo;
    const isLost = numberOf(now) - lastSeenMs > LOST_AFTER_MS;
    const isDraining = numberOf(rest[i + 2]) === 1;
    records.push({ ...info, state: isLost ? 'lost' : isDraining ? 'draining' : info.state, lastSeenAt: isoOf(lastSeenMs) });
  }
  return records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
