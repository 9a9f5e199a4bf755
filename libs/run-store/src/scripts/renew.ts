// renew: the worker of an attempt prolongs its lease and looks into the inbox.
import type { Redis } from 'ioredis';
import type { InboxEntry, Lease, RenewAnswer } from '../answers.js';
import type { Keys } from '../keys.js';
import { listOf, mapOf, numberOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from './common.js';

const script = new Script(
  lua(`
local id, attempt, worker, lease_ms = unpack(ARGV, 2)
local key, now = KEYS[1], now_ms()
local run = load(id)
if not run or not is_live(run) or int(run.attempt) ~= attempt or run.worker ~= worker then return {'lost'} end
-- Once over, a lease stays over: somebody may already act on it.
if run.lease_until <= now then return {'lost'} end
local lease_until = now + lease_ms
redis.call('HSET', key, 'lease_until', int(lease_until))
redis.call('ZADD', P .. 'leases', int(lease_until), id)
return {'renewed', int(lease_until), run.cancel_requested and 1 or 0, redis.call('XRANGE', key .. ':inbox', '-', '+', 'COUNT', 100)}
`),
  EVEN_WHEN_FULL,
);

export async function renew(redis: Redis, keys: Keys, lease: Lease & { readonly leaseMs: number }): Promise<RenewAnswer> {
  const args = [keys.prefix, lease.runId, lease.attempt, lease.workerId, lease.leaseMs];
  const [kind, leaseUntil, cancelRequested, inbox] = listOf(await script.run(redis, [keys.run(lease.runId)], args));
  if (textOf(kind) === 'lost') return { kind: 'lost' };
  return { kind: 'renewed', leaseUntilMs: numberOf(leaseUntil), cancelRequested: numberOf(cancelRequested) === 1, inbox: listOf(inbox).map(entryOf) };
}

function entryOf(reply: unknown): InboxEntry {
  const fields = mapOf(listOf(reply)[1]);
  return { id: fields.get('id') ?? '', type: fields.get('type') ?? '', data: fields.get('data') ?? '{}' };
}
