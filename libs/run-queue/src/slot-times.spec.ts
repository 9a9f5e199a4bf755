// When slots are: zones on both days of a change of the clock, impossible rules, slots that have passed.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cronFault, nextSlot, nextSlots, passedSlots } from './slot-times.js';
import type { SlotRule } from './slot-times.js';

const MINUTE_MS = 60_000;
const at = (text: string) => Date.parse(text);
const iso = (times: readonly number[]) => times.map((ms) => new Date(ms).toISOString().replace(':00.000Z', 'Z'));
const next = (cron: string, timezone: string, after: string, count: number) => iso(nextSlots({ cron, timezone }, at(after), count));

describe('the day on which the clock is put forward', () => {
  test.each([
    // 02:00 becomes 03:00, 02:00 becomes 03:00, 02:00 becomes 02:30
    ['America/New_York', '30 2 * * *', '2026-03-07T12:00Z', ['2026-03-08T07:30Z', '2026-03-09T06:30Z', '2026-03-10T06:30Z']],
    ['Europe/Berlin', '30 2 * * *', '2026-03-28T12:00Z', ['2026-03-29T01:30Z', '2026-03-30T00:30Z', '2026-03-31T00:30Z']],
    ['Australia/Lord_Howe', '15 2 * * *', '2026-10-03T00:00Z', ['2026-10-03T15:45Z', '2026-10-04T15:15Z', '2026-10-05T15:15Z']],
  ])('%s: the time that is left out comes once, as if the clock had not been changed', (timezone, cron, after, expected) => {
    expect(next(cron, timezone, after, 3)).toEqual(expected);
  });

  test('several times in and around the gap come in order and once each', () => {
    expect(next('*/30 1-4 * * *', 'America/New_York', '2026-03-08T05:00Z', 7)).toEqual([
      '2026-03-08T06:00Z', '2026-03-08T06:30Z', '2026-03-08T07:00Z', '2026-03-08T07:30Z', '2026-03-08T08:00Z', '2026-03-08T08:30Z', '2026-03-09T05:00Z',
    ]);
    expect(next('15,50 2 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00Z', 3)).toEqual(['2026-10-03T15:45Z', '2026-10-03T15:50Z', '2026-10-04T15:15Z']);
  });
});

describe('the day on which the clock is put back', () => {
  test.each([
    ['America/New_York', '30 1 * * *', '2026-10-31T12:00Z', ['2026-11-01T05:30Z', '2026-11-02T06:30Z', '2026-11-03T06:30Z']],
    ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00Z', ['2026-10-25T00:30Z', '2026-10-26T01:30Z', '2026-10-27T01:30Z']],
    ['Australia/Lord_Howe', '45 1 * * *', '2026-04-04T00:00Z', ['2026-04-04T14:45Z', '2026-04-05T15:15Z', '2026-04-06T15:15Z']],
  ])('%s: the time that comes twice counts once', (timezone, cron, after, expected) => {
    expect(next(cron, timezone, after, 3)).toEqual(expected);
  });

  test('every hour is every hour that passes, on both days', () => {
    expect(next('0 * * * *', 'America/New_York', '2026-11-01T04:30Z', 3)).toEqual(['2026-11-01T05:00Z', '2026-11-01T06:00Z', '2026-11-01T07:00Z']);
    expect(next('0 * * * *', 'America/New_York', '2026-03-08T05:30Z', 3)).toEqual(['2026-03-08T06:00Z', '2026-03-08T07:00Z', '2026-03-08T08:00Z']);
    expect(next('*/20 * * * *', 'Australia/Lord_Howe', '2026-04-04T14:30Z', 4)).toEqual(['2026-04-04T14:40Z', '2026-04-04T15:10Z', '2026-04-04T15:30Z', '2026-04-04T15:50Z']);
  });
});

test.each(['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe'])('%s: a daily time comes on each of 365 days, whichever it is', (timezone) => {
  const time = fc.record({ hour: fc.integer({ min: 0, max: 23 }), minute: fc.integer({ min: 0, max: 59 }) });
  fc.assert(
    fc.property(time, ({ hour, minute }) => {
      const slots = nextSlots({ cron: `${minute} ${hour} * * *`, timezone }, at('2026-01-01T12:00Z'), 365);
      const gaps = slots.slice(1).map((slot, i) => (slot - (slots[i] ?? 0)) / 3_600_000);
      expect(gaps.every((hours) => hours >= 22.9 && hours <= 25.1)).toBe(true);
    }),
    { numRuns: 15 },
  );
});

test('intervals are counted from 1970, so everybody agrees on them', () => {
  expect(iso(nextSlots({ everySeconds: 5400 }, at('2026-01-01T00:00Z'), 3))).toEqual(['2026-01-01T01:30Z', '2026-01-01T03:00Z', '2026-01-01T04:30Z']);
  expect(nextSlot({ everySeconds: 1 }, 1999)).toBe(2000);
  expect(nextSlot({ everySeconds: 1 }, 2000)).toBe(3000);
});

test.each([
  ['61 * * * *', /cannot be read: .*61/],
  ['* 24 * * *', /cannot be read/],
  ['a b c d e', /cannot be read/],
  ['5-1 * * * *', /cannot be read/],
  ['*/0 * * * *', /cannot be read/],
  ['0 0 0 * *', /cannot be read/],
  ['1,,2 * * * *', /cannot be read/],
  ['0 0 30 2 *', /cannot be read|never due/],
  ['0 0 31 4,6 *', /never due/],
  ['H * * * *', /must not use H/],
])('%s is refused with a reason', (cron, reason) => {
  expect(cronFault(cron)).toMatch(reason);
});

test.each(['* * * * *', '*/15 9-17 * * 1-5', '0 0 29 2 *', '0 0 L * *', '0 12 * * MON-FRI', '0 0 1 MAR *', '0 9 * * 1#1'])('%s is fine', (cron) => {
  expect(cronFault(cron)).toBeUndefined();
});

describe('slots that have passed', () => {
  const minutely: SlotRule = { cron: '* * * * *', timezone: 'Europe/Berlin' };
  const now = at('2026-06-01T12:00Z');

  test('all of them while they are few', () => {
    expect(passedSlots(minutely, { afterMs: now - 3 * MINUTE_MS, untilMs: now, max: 5 })).toEqual({ slots: [now - 2 * MINUTE_MS, now - MINUTE_MS, now], leftOut: undefined });
    expect(passedSlots(minutely, { afterMs: now, untilMs: now, max: 5 })).toEqual({ slots: [], leftOut: undefined });
    expect(passedSlots({ cron: '0 0 29 2 *', timezone: 'UTC' }, { afterMs: at('2019-01-01'), untilMs: now, max: 5 })).toEqual({ slots: [at('2020-02-29'), at('2024-02-29')], leftOut: undefined });
  });

  test('the latest, and which were left out, after ten years', () => {
    const afterMs = at('2016-01-01T00:00Z');
    expect(passedSlots(minutely, { afterMs, untilMs: now, max: 2 })).toEqual({ slots: [now - MINUTE_MS, now], leftOut: { firstMs: afterMs + MINUTE_MS, lastMs: now - 2 * MINUTE_MS } });
    expect(passedSlots({ everySeconds: 1 }, { afterMs, untilMs: now, max: 2 })).toEqual({ slots: [now - 1000, now], leftOut: { firstMs: afterMs + 1000, lastMs: now - 2000 } });
  });

  test('exactly as many as are kept leave nothing out', () => {
    expect(passedSlots({ everySeconds: 60 }, { afterMs: now - 2 * MINUTE_MS, untilMs: now, max: 2 })).toEqual({ slots: [now - MINUTE_MS, now], leftOut: undefined });
  });
});
