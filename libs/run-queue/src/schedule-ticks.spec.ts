// Ticks on a real Redis: they come at the times of the rule, and stop when they are forgotten.
import { testRedis, waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { patternOf, ScheduleTicks } from './index.js';

let redis: TestRedis;
let ticks: ScheduleTicks;

beforeAll(async () => {
  redis = await testRedis();
}, 300_000);
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.flush();
  ticks = ScheduleTicks.open({ redis: redis.connection });
});
afterEach(() => ticks.close());

function counting() {
  const seen = new Map<string, number>();
  const consumer = ticks.consume(async (id) => void seen.set(id, (seen.get(id) ?? 0) + 1));
  onTestFinished(() => consumer.close());
  return (id: string) => seen.get(id) ?? 0;
}

test('a schedule ticks again and again, until it is forgotten', async () => {
  const count = counting();
  await ticks.plan('sch_a', { everySeconds: 1 });
  await ticks.plan('sch_other', { everySeconds: 1 });
  await waitFor(() => count('sch_a') >= 3, { what: 'three ticks' });
  await ticks.forget('sch_a');
  const before = count('sch_other');
  const atMost = count('sch_a') + 1; // one may have been under way
  await waitFor(() => count('sch_other') >= before + 3, { what: 'ticks of the other' });
  expect(count('sch_a')).toBeLessThanOrEqual(atMost);
  expect([...(await ticks.planned()).keys()]).toEqual(['sch_other']);
});

test('what is planned can be read, at the time of the rule', async () => {
  const rule = { cron: '15 2 * * *', timezone: 'Australia/Lord_Howe' };
  await ticks.plan('sch_a', rule);
  await ticks.plan('sch_b', { everySeconds: 7200 });
  const planned = await ticks.planned();
  expect(planned.get('sch_a')).toMatchObject(patternOf(rule));
  expect(planned.get('sch_b')).toMatchObject({ pattern: 'every 7200 s', timezone: 'UTC' });
  expect((planned.get('sch_b')?.nextMs ?? 1) % 7_200_000).toBe(0);
  await ticks.plan('sch_a', { everySeconds: 60 });
  expect((await ticks.planned()).get('sch_a')?.pattern).toBe('every 60 s');
});

test('one more tick for the same moment is one', async () => {
  const count = counting();
  await Promise.all(Array.from({ length: 5 }, () => ticks.later('sch_a', 12, 10)));
  await ticks.later('sch_b', 12, 100);
  await waitFor(() => count('sch_b') === 1, { what: 'the later tick' });
  expect(count('sch_a')).toBe(1);
});
