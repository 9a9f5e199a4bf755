// The registry of workers: a heartbeat, a farewell, and who was heard of.
import type { Redis } from 'ioredis';
import type { WorkerInfo, WorkerRecord } from '../answers.js';
import type { Keys } from '../keys.js';
import { isoOf, listOf, numberOf, textOf } from '../reply.js';
import { Script } from '../script.js';
import { lua } from './common.js';

const LOST_AFTER_MS = 15_000;
const FORGOTTEN_AFTER_MS = 60 * 60 * 1000;

const heartbeatScript = new Script(
  lua(`
local id, info, forgotten_ms = unpack(ARGV, 2)
redis.call('SET', KEYS[1], info, 'PX', forgotten_ms)
redis.call('ZADD', KEYS[2], int(now_ms()), id)
return 1
`),
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
  end
end
return reply
`),
);

export async function heartbeat(redis: Redis, keys: Keys, info: WorkerInfo): Promise<void> {
  await heartbeatScript.run(redis, [keys.worker(info.id), keys.workers], [keys.prefix, info.id, JSON.stringify(info), FORGOTTEN_AFTER_MS]);
}

export async function leave(redis: Redis, keys: Keys, workerId: string): Promise<void> {
  await redis.multi().zrem(keys.workers, workerId).del(keys.worker(workerId)).exec();
}

/** Ordered by id. */
export async function workers(redis: Redis, keys: Keys): Promise<WorkerRecord[]> {
  const [now, ...rest] = listOf(await listScript.run(redis, [keys.workers], [keys.prefix, FORGOTTEN_AFTER_MS]));
  const records: WorkerRecord[] = [];
  for (let i = 0; i + 1 < rest.length; i += 2) {
    const lastSeenMs = numberOf(rest[i]);
    const info = JSON.parse(textOf(rest[i + 1])) as WorkerInfo;
    const isLost = numberOf(now) - lastSeenMs > LOST_AFTER_MS;
    records.push({ ...info, state: isLost ? 'lost' : info.state, lastSeenAt: isoOf(lastSeenMs) });
  }
  return records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
