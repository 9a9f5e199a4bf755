// get and list: records with the time of reading; a page of what several indexes have in common in one step.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { maybeRecordOf, recordOf } from '../parse-record.js';
import { listOf, textOf } from '../reply.js';
import type { RunRecord } from '../run-record.js';
import { Script } from '../script.js';
import { lua } from './common.js';

/** Prompts may have 4 MiB each: a page ends early rather than making a reply of hundreds of megabytes. */
const PAGE_BYTES = 8 * 1024 * 1024;
/** Members of the leading index that one call looks at: nothing may block Redis for long. */
const LOOKS = 1000;

const getScript = new Script(lua(`return record(ARGV[2], now_ms())`));

// The smallest index leads; a run that stands in all the others belongs to the page.
const listScript = new Script(
  lua(`
local top, bottom, limit, ids_only = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local lead, size
for i, index in ipairs(KEYS) do
  local n = redis.call('ZCARD', index)
  if not size or n < size then lead, size = i, n end
end
local function fits(member)
  for i, index in ipairs(KEYS) do
    if i ~= lead and not redis.call('ZSCORE', index, member) then return false end
  end
  return true
end
local now, bytes, found, last = now_ms(), 0, {}, ''
local looks = #KEYS == 1 and limit + 1 or ${LOOKS}
local members = redis.call('ZREVRANGEBYLEX', KEYS[lead], top, bottom, 'LIMIT', 0, looks)
for _, member in ipairs(members) do
  if fits(member) then
    if #found >= limit or bytes >= ${PAGE_BYTES} then return {last, found} end
    local id = string.match(member, '_(.*)$')
    local run = ids_only and id or record(id, now)
    if not ids_only then for _, value in ipairs(run) do bytes = bytes + #value end end
    found[#found + 1] = run
  end
  last = member
end
return {#members < looks and '' or last, found}
`),
);

export async function get(redis: Redis, keys: Keys, runId: string): Promise<RunRecord | undefined> {
  return maybeRecordOf(await getScript.run(redis, [keys.run(runId)], [keys.prefix, runId]));
}

export interface IndexQuery {
  /** At least one. */
  readonly indexes: readonly string[];
  /** Bounds as ZREVRANGEBYLEX wants them. */
  readonly top: string;
  readonly bottom: string;
  readonly limit: number;
}

export interface IndexPage<T> {
  readonly found: T[];
  /** The last member that was looked at when there may be more, else ''. */
  readonly next: string;
}

/** Runs that stand in all indexes, newest first. */
export async function list(redis: Redis, query: IndexQuery, keys: Keys): Promise<IndexPage<RunRecord>> {
  const { next, found } = await page(redis, query, keys, '0');
  return { next, found: found.map(recordOf) };
}

/** The same, but only their ids. */
export async function listIds(redis: Redis, query: IndexQuery, keys: Keys): Promise<IndexPage<string>> {
  const { next, found } = await page(redis, query, keys, '1');
  return { next, found: found.map(textOf) };
}

async function page(redis: Redis, query: IndexQuery, keys: Keys, idsOnly: '0' | '1'): Promise<IndexPage<unknown>> {
  const [next, found] = listOf(await listScript.run(redis, query.indexes, [keys.prefix, query.top, query.bottom, query.limit, idsOnly]));
  return { found: listOf(found), next: textOf(next) };
}
