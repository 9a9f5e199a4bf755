// Schedules: what may be asked for, and what becomes of slots.
import { describe, expect, test } from 'vitest';
import { PutSchedule } from './schedule.js';
import { graceMs, planSlots } from './schedule-slots.js';
import type { DueSlot } from './schedule-slots.js';

const run = { prompt: 'hello' };

test('defaults; whether it is paused has none, because a change leaves it as it is', () => {
  expect(PutSchedule.parse({ cron: '0 9 * * 1-5', run })).toEqual({ cron: '0 9 * * 1-5', timezone: 'UTC', overlap: 'skip', missed: 'one', jitter_seconds: 0, run });
});

test.each([
  [{ run }, 'cron'],
  [{ cron: '* * * * *', every_seconds: 5, run }, 'every_seconds'],
  [{ cron: '* * * * * *', run }, 'cron'],
  [{ cron: '* * * *', run }, 'cron'],
  [{ cron: '@daily', run }, 'cron'],
  [{ cron: '', run }, 'cron'],
  [{ cron: '* * * * *\n', run }, 'cron'],
  [{ cron: '* * * * *', timezone: 'Mars/Olympus', run }, 'timezone'],
  [{ cron: '* * * * *', timezone: '', run }, 'timezone'],
  [{ every_seconds: 0, run }, 'every_seconds'],
  [{ every_seconds: -5, run }, 'every_seconds'],
  [{ every_seconds: 1.5, run }, 'every_seconds'],
  [{ every_seconds: '5', run }, 'every_seconds'],
  [{ every_seconds: 1e12, run }, 'every_seconds'],
  [{ every_seconds: 5, timezone: 'Europe/Berlin', run }, 'timezone'],
  [{ every_seconds: 5, jitter_seconds: 5, run }, 'jitter_seconds'],
  [{ every_seconds: 5, jitter_seconds: -1, run }, 'jitter_seconds'],
  [{ every_seconds: 5, overlap: 'allow', run }, 'overlap'],
  [{ every_seconds: 5, missed: 'some', run }, 'missed'],
  [{ every_seconds: 5, enabled: 'yes', run }, 'enabled'],
  [{ every_seconds: 5 }, 'run'],
  [{ every_seconds: 5, run: { prompt: '' } }, 'run.prompt'],
  [{ every_seconds: 5, run: { prompt: 'x', colour: 'red' } }, 'run'],
])('%j is refused at %s', (body, field) => {
  expect(PutSchedule.safeParse(body).error?.issues.map((issue) => issue.path.join('.'))).toContain(field);
});

describe('slots', () => {
  const slots = (every: number, ...dueMs: number[]): DueSlot[] => dueMs.map((due) => ({ dueMs: due, fireMs: due, nextMs: due + every }));
  const hour = 3_600_000;
  const made = (plan: ReturnType<typeof planSlots>) => plan.filter((slot) => slot.skip === undefined).map((slot) => slot.dueMs);

  test('the grace reaches to the next slot, but is 5 s to 60 s', () => {
    expect([1000, 30_000, hour].map((nextMs) => graceMs({ dueMs: 0, nextMs }))).toEqual([5000, 30_000, 60_000]);
  });

  test.each([
    ['skip', [4 * hour]],
    ['one', [3 * hour, 4 * hour]],
    ['all', [hour, 2 * hour, 3 * hour, 4 * hour]],
  ] as const)('missed %s', (missed, expected) => {
    const plan = planSlots(slots(hour, hour, 2 * hour, 3 * hour, 4 * hour), { enabled: true, missed }, 4 * hour + 60_000);
    expect(plan.map((slot) => slot.dueMs)).toEqual([hour, 2 * hour, 3 * hour, 4 * hour]);
    expect(made(plan)).toEqual(expected);
  });

  test('one run for everything missed, also when the latest slot is missed as well', () => {
    expect(made(planSlots(slots(hour, hour, 2 * hour), { enabled: true, missed: 'one' }, 2 * hour + 60_001))).toEqual([2 * hour]);
  });

  test('a paused schedule makes none, and says so', () => {
    expect(planSlots(slots(hour, hour), { enabled: false, missed: 'all' }, hour)).toEqual([{ dueMs: hour, skip: 'disabled' }]);
  });

  test('a slot waits for its jitter, and those after it wait with it', () => {
    const jittered = slots(1000, 1000, 2000, 3000).map((slot) => (slot.dueMs === 2000 ? { ...slot, fireMs: 9000 } : slot));
    expect(made(planSlots(jittered, { enabled: true, missed: 'all' }, 5000))).toEqual([1000]);
    expect(made(planSlots(jittered, { enabled: true, missed: 'all' }, 9000))).toEqual([1000, 2000, 3000]);
  });
});
