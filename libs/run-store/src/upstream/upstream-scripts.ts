// report, succeeded, list: what runs tell of the service behind a credential, and how it is.
import { failure } from '@runyard/domain';
import type { FailureCode, Outcome } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { CANCELED } from '../outcomes.js';
import { isoOf, listOf, mapOf, numberOf, textOf } from '../reply.js';
import { EVEN_WHEN_FULL, Script } from '../script.js';
import { lua } from '../scripts/common.js';
import type { BreakerState, Stance, TroubleKind, UpstreamRecord, UpstreamReport, UpstreamWait } from './upstream-record.js';

/** Of the longest wait that a service may ask for. */
const LONGEST_WAIT_MS = 7 * 24 * 60 * 60 * 1000;
const MESSAGE_LENGTH = 500;
const SHORT = 12;

const reportScript = new Script(
  lua(`
local credential, run_id, kind, code, message, retry_after, outcome, random, worker = unpack(ARGV, 2)
local now = now_ms()
local u = load_upstream(credential)
local asked = retry_after ~= '' and now + with_jitter(tonumber(retry_after), random) or 0
local is_probe = u.state == 'half_open' and u.probe == run_id
local own = kind == 'connection' and worker ~= '' and note_cut_off(u, worker, now, random)
if own then
  -- It says nothing of the service: the next may ask.
  if is_probe then open_upstream(u, now, now, u.failures) end
  return {int(own)}
end
-- Who was under way when it opened says nothing new, but what the service itself asks for counts.
if u.state == 'open' then
  if asked > u.until_ms then open_upstream(u, now, asked, u.failures) end
  return {int(u.until_ms)}
end
if u.state == 'half_open' and not is_probe then return {int(now + backoff(u.kind, u.failures))} end
local failures = (is_probe and u.kind == kind) and u.failures + 1 or 1
redis.call('HSET', u.key, 'kind', kind, 'code', code, 'message', message, 'outcome', outcome, 'troubled', int(now))
open_upstream(u, now, asked > 0 and asked or now + with_jitter(backoff(kind, failures), random), failures)
return {int(u.until_ms)}
`),
  EVEN_WHEN_FULL,
);

const succeededScript = new Script(
  lua(`
local credential, run_id, ago, worker = unpack(ARGV, 2)
if worker ~= '' then redis.call('DEL', P .. 'worker:' .. worker .. ':cut_off') end
redis.call('HDEL', run_key(run_id), 'give_up', 'gave_up')
local u = load_upstream(credential)
if u.state == 'closed' then return 0 end
local now = now_ms()
-- An answer from before the trouble proves nothing.
if now - ago < u.troubled then return 0 end
if u.kind == 'connection' then let_cut_off_ask(credential, now) end
close_upstream(u, now)
return 1
`),
  EVEN_WHEN_FULL,
);

const listScript = new Script(
  lua(`
local found = {}
for _, credential in ipairs(redis.call('ZRANGE', P .. 'upstreams', 0, 999)) do
  found[#found + 1] = {credential, redis.call('ZCARD', P .. 'waits:' .. credential), redis.call('HGETALL', P .. 'upstream:' .. credential)}
end
return found
`),
);

const stanceScript = new Script(
  lua(`
local credential, worker = unpack(ARGV, 2)
return stance(worker, credential, now_ms())
`),
  EVEN_WHEN_FULL,
);

/** Of the attempt that tells: its run, and its worker if that is known. */
export interface Witness {
  readonly runId: string;
  readonly workerId?: string | undefined;
}

export async function report(redis: Redis, keys: Keys, credential: string, trouble: UpstreamReport, { runId, workerId = '' }: Witness): Promise<UpstreamWait> {
  const { kind, code, retryAfterMs } = trouble;
  const message = trouble.message.slice(0, MESSAGE_LENGTH);
  const outcome: Outcome = { ...CANCELED, status: 'failed', failure: failure(code, message) };
  const asked = retryAfterMs === undefined ? '' : Math.max(0, Math.min(retryAfterMs, LONGEST_WAIT_MS));
  const args = [keys.prefix, credential, runId, kind, code, message, asked, JSON.stringify(outcome), Math.random(), workerId];
  const [until] = listOf(await reportScript.run(redis, [keys.upstream(credential)], args));
  return { resumesAtMs: numberOf(until) };
}

export async function succeeded(redis: Redis, keys: Keys, credential: string, { runId, workerId = '' }: Witness, answeredAgoMs: number): Promise<boolean> {
  const args = [keys.prefix, credential, runId, Math.max(0, answeredAgoMs), workerId];
  return numberOf(await succeededScript.run(redis, [keys.upstream(credential)], args)) === 1;
}

export async function stance(redis: Redis, keys: Keys, credential: string, workerId: string): Promise<Stance> {
  return textOf(await stanceScript.run(redis, [keys.upstream(credential)], [keys.prefix, credential, workerId])) as Stance;
}

export async function list(redis: Redis, keys: Keys): Promise<UpstreamRecord[]> {
  return listOf(await listScript.run(redis, [], [keys.prefix])).map((reply) => {
    const [credential, waiting, fields] = listOf(reply);
    return recordOf(textOf(credential), numberOf(waiting), mapOf(fields));
  });
}

function recordOf(credential: string, waiting: number, fields: ReadonlyMap<string, string>): UpstreamRecord {
  const time = (name: string) => (fields.has(name) ? isoOf(Number(fields.get(name))) : null);
  const state = (fields.get('state') ?? 'closed') as BreakerState;
  return {
    credential: credential.slice(0, SHORT),
    state,
    kind: (fields.get('kind') ?? null) as TroubleKind | null,
    code: (fields.get('code') ?? null) as FailureCode | null,
    message: fields.get('message') ?? null,
    since: time('since'),
    until: state === 'open' ? time('until') : null,
    failures: Number(fields.get('failures') ?? 0),
    waiting,
  };
}
