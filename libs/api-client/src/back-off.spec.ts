import { expect, test } from 'vitest';
import { backOffMs, pause, retryAfterMs } from './back-off.js';

test('delays double up to the limit and are jittered to 50-100 %', () => {
  const backOff = { baseMs: 200, maxMs: 5000 };
  expect([1, 2, 3, 4, 5, 6, 99].map((failures) => backOffMs(backOff, failures, 1))).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
  expect(backOffMs(backOff, 3, 0)).toBe(400);
  expect(backOffMs(backOff, 0, 1)).toBe(200);
});

test.each([
  [null, undefined],
  ['3', 3000],
  [' 0 ', 0],
  ['999999', 120_000],
  ['Thu, 01 Jan 1970 00:00:12 GMT', 2000],
  ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
  ['soon', undefined],
  ['', undefined],
])('Retry-After %j is %j ms', (header, expected) => {
  expect(retryAfterMs(header, 10_000)).toBe(expected);
});

test('a pause ends at once when its signal is aborted, before or meanwhile', async () => {
  const controller = new AbortController();
  const waiting = pause(3_600_000, controller.signal);
  controller.abort();
  await waiting;
  await pause(3_600_000, controller.signal);
});
