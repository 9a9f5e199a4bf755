import { expect, test } from 'vitest';
import { formatAge, formatCost, formatCount, formatDuration, formatUntil, parseDuration, plural } from './units.js';

test('durations', () => {
  expect([0, 999, 61_000, 3_599_999, 3_600_000, 90_061_000, -5].map(formatDuration)).toEqual(['0:00', '0:00', '1:01', '59:59', '1:00:00', '25:01:01', '0:00']);
});

test('ages', () => {
  const now = Date.parse('2026-01-10T00:00:00.000Z');
  const before = (seconds: number): string => formatAge(new Date(now - seconds * 1000).toISOString(), now);
  expect([0, 59, 60, 3599, 3600, 172_799, 172_800, -10].map(before)).toEqual(['0s', '59s', '1m', '59m', '1h', '47h', '2d', '0s']);
});

test('times to come', () => {
  const now = Date.parse('2026-01-10T00:00:00.000Z');
  const after = (seconds: number): string => formatUntil(new Date(now + seconds * 1000).toISOString(), now);
  expect([-10, 0, 0.9, 1, 59, 60, 3600, 172_800].map(after)).toEqual(['now', 'now', 'now', 'in 1s', 'in 59s', 'in 1m', 'in 1h', 'in 2d']);
});

test('costs', () => {
  expect([0, 0.00012, 0.5, 1, 12.345].map((usd) => formatCost(usd))).toEqual(['$0.00', '$0.0001', '$0.5000', '$1.00', '$12.35']);
  expect(formatCost(2, true)).toBe('~$2.00');
});

test('counts', () => {
  expect([0, 999, 1000, 1250, 999_949, 999_950, 3_400_000].map(formatCount)).toEqual(['0', '999', '1.0k', '1.3k', '999.9k', '1.0M', '3.4M']);
  expect([plural(1, 'turn'), plural(0, 'turn')]).toEqual(['1 turn', '0 turns']);
});

test.each([
  ['90', 90],
  ['90s', 90],
  ['15m', 900],
  ['2h', 7200],
  ['1d', 86_400],
  [' 5m ', 300],
  ['', undefined],
  ['m', undefined],
  ['1.5h', undefined],
  ['-5', undefined],
  ['5 minutes', undefined],
])('the duration %j is %j seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});
