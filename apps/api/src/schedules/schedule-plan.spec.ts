// Plans: what has passed, what is left out, and the jitter of a slot.
import { PutSchedule } from '@runyard/domain';
import type { ScheduleTiming } from '@runyard/run-store';
import { expect, test } from 'vitest';
import { firstFireMs, planOf } from './schedule-plan.js';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.parse('2026-06-01T12:30:00Z');

function timing(rule: object, decidedMs: number, nowMs = NOW_MS): ScheduleTiming {
  const { run: _run, ...parsed } = PutSchedule.parse({ every_seconds: 3600, run: { prompt: 'x' }, ...rule });
  return { id: 'sch_plan', rule: { ...parsed, enabled: parsed.enabled ?? true }, revision: 1, decidedMs, nowMs };
}

test('nothing has passed', () => {
  expect(planOf(timing({}, NOW_MS - 1000))).toEqual({ leftOut: undefined, slots: [], nextFireMs: Date.parse('2026-06-01T13:00:00Z') });
});

test('of a long time the latest 100 are planned and the others left out together', () => {
  const plan = planOf(timing({ missed: 'all' }, NOW_MS - 200.5 * HOUR_MS));
  const last = Date.parse('2026-06-01T12:00:00Z');
  expect(plan.slots).toHaveLength(100);
  expect(plan.slots.at(-1)).toEqual({ dueMs: last, skip: undefined });
  expect(plan.leftOut).toEqual({ firstMs: last - 199 * HOUR_MS, lastMs: last - 100 * HOUR_MS });
});

test('a day on which the clock is put forward and back: no slot more or less', () => {
  for (const [cron, from, days] of [['30 2 * * *', '2026-03-28T12:00:00Z', 2], ['30 2 * * *', '2026-10-24T12:00:00Z', 2]] as const) {
    const since = Date.parse(from);
    const rule = { every_seconds: undefined, cron, timezone: 'Europe/Berlin', missed: 'all' };
    expect(planOf(timing(rule, since, since + days * 24 * HOUR_MS)).slots).toHaveLength(days);
  }
});

test('jitter is within its bounds, the same for the same slot, and not the same for all', () => {
  const jitters = Array.from({ length: 50 }, (_, i) => {
    const decidedMs = NOW_MS - (i + 0.5) * HOUR_MS;
    const fireMs = firstFireMs(timing({ jitter_seconds: 600 }, decidedMs));
    expect(firstFireMs(timing({ jitter_seconds: 600 }, decidedMs, NOW_MS + i))).toBe(fireMs);
    return fireMs % HOUR_MS;
  });
  expect(jitters.every((ms) => ms >= 0 && ms < 600_000)).toBe(true);
  expect(new Set(jitters).size).toBeGreaterThan(40);
});

test('a slot is not made before its jitter is over', () => {
  const decidedMs = NOW_MS - 0.5 * HOUR_MS - 1;
  const fireMs = firstFireMs(timing({ jitter_seconds: 3000 }, decidedMs));
  expect(planOf(timing({ jitter_seconds: 3000 }, decidedMs, fireMs - 1))).toEqual({ leftOut: undefined, slots: [], nextFireMs: fireMs });
  expect(planOf(timing({ jitter_seconds: 3000 }, decidedMs, fireMs)).slots).toEqual([{ dueMs: Date.parse('2026-06-01T12:00:00Z'), skip: undefined }]);
});
