// A filter of runs → the indexes to look into and the bounds within them.
import { idSchema } from '@runyard/domain';
import type { RunFilter } from './answers.js';
import type { Keys } from './keys.js';
import { memberOfPage } from './page-token.js';
import type { IndexQuery } from './scripts/list.js';

const sessionId = idSchema('session');
const scheduleId = idSchema('schedule');
const TIME_DIGITS = 13;
const TIME_MAX = 10 ** TIME_DIGITS - 1;

/** undefined when no run can fit. @throws InvalidPageError when the page token is forged */
export function indexQuery(keys: Keys, filter: RunFilter, page: string | undefined): Omit<IndexQuery, 'limit'> | undefined {
  const indexes = indexesOf(keys, filter);
  const member = memberOfPage(page);
  const { createdAfterMs, createdBeforeMs } = filter;
  // Members are `<created ms>_<run id>`, ordered by name; a time alone stands before every member of that time.
  const before = createdBeforeMs === undefined ? '' : timeOf(createdBeforeMs);
  const top = [member, before].filter((text) => text !== '').toSorted()[0];
  const bottom = createdAfterMs === undefined ? '-' : `[${timeOf(Math.floor(createdAfterMs) + 1)}`;
  return indexes && { indexes, top: top === undefined ? '+' : `(${top}`, bottom };
}

/** Ids become names of keys: what is none fits nothing. */
function indexesOf(keys: Keys, filter: RunFilter): string[] | undefined {
  if (filter.sessionId !== undefined && !sessionId.safeParse(filter.sessionId).success) return undefined;
  if (filter.scheduleId !== undefined && !scheduleId.safeParse(filter.scheduleId).success) return undefined;
  const { status, trigger } = filter;
  const values = { status, trigger, session: filter.sessionId, schedule: filter.scheduleId, tag: filter.tag };
  const indexes = Object.entries(values).flatMap(([kind, value]) => (value === undefined ? [] : [keys.index(kind as keyof typeof values, value)]));
  return indexes.length > 0 ? indexes : [keys.runs];
}

function timeOf(milliseconds: number): string {
  return String(Math.min(TIME_MAX, Math.max(0, Math.ceil(milliseconds)))).padStart(TIME_DIGITS, '0');
}
