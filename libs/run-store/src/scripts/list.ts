// get and list: records with the time of reading; a page of an index in one step.
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.js';
import { maybeRecordOf, recordOf } from '../parse-record.js';
import { listOf, textOf } from '../reply.js';
import type { RunRecord } from '../run-record.js';
import { Script } from '../script.js';
import { lua } from './common.js';

/** Prompts may have 4 MiB each: a page ends early rather than making a reply of hundreds of megabytes. */
const PAGE_BYTES = 8 * 1024 * 1024;

const getScript = new Script(lua(`return record(ARGV[2], now_ms())`));

const listScript = new Script(
  lua(`
local before, limit = ARGV[2], tonumber(ARGV[3])
local now, bytes, records, last = now_ms(), 0, {}, ''
local members = redis.call('ZREVRANGEBYLEX', KEYS[1], before == '' and '+' or ('(' .. before), '-', 'LIMIT', 0, limit + 1)
for i, member in ipairs(members) do
  if i > limit or bytes >= ${PAGE_BYTES} then return {last, records} end
  local run = record(string.match(member, '_(.*)$'), now)
  for _, value in ipairs(run) do bytes = bytes + #value end
  records[i] = run
  last = member
end
return {'', records}
`),
);

export async function get(redis: Redis, keys: Keys, runId: string): Promise<RunRecord | undefined> {
  return maybeRecordOf(await getScript.run(redis, [keys.run(runId)], [keys.prefix, runId]));
}

export interface IndexPage {
  readonly runs: RunRecord[];
  /** The last member of this page when there are more, else ''. */
  readonly next: string;
}

/** Runs of an index, newest first, those after the member `before` ('' = from the newest). */
export async function list(redis: Redis, keys: Keys, query: { readonly index: string; readonly before: string; readonly limit: number }): Promise<IndexPage> {
  const [next, records] = listOf(await listScript.run(redis, [query.index], [keys.prefix, query.before, query.limit]));
  return { runs: listOf(records).map(recordOf), next: textOf(next) };
}
