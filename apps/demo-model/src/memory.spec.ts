// What the demo model remembers is bounded.
import { expect, test } from 'vitest';
import { FailCounters } from './fail-counters.js';
import { MAX_LOGGED, newEntry, RequestLog } from './request-log.js';

test('the log keeps the last 10,000 requests in order', () => {
  const log = new RequestLog();
  for (let index = 0; index < MAX_LOGGED + 2500; index += 1) log.add(newEntry('GET', `/${index}`, null));
  const list = log.list();
  expect(list).toHaveLength(MAX_LOGGED);
  expect([list[0]?.path, list.at(-1)?.path]).toEqual(['/2500', `/${MAX_LOGGED + 2499}`]);
  log.clear();
  expect(log.list()).toEqual([]);
});

test('a counter says yes so many times per key', () => {
  const counters = new FailCounters();
  expect([1, 2, 3, 4].map(() => counters.take('a', 2))).toEqual([true, true, false, false]);
  expect(counters.take('b', 1)).toBe(true);
  counters.clear();
  expect(counters.take('a', 2)).toBe(true);
});

test('the key unused for longest is forgotten, one in use is not', () => {
  const counters = new FailCounters();
  counters.take('old', 1);
  counters.take('used', 1);
  for (let index = 0; index < 9_999; index += 1) {
    counters.take(`key ${index}`, 1);
    expect(counters.take('used', 1)).toBe(false);
  }
  expect(counters.take('old', 1)).toBe(true);
});
