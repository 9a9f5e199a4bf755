// The file of schedules: what it may be, and what is said when it is something else.
import { expect, test } from 'vitest';
import { Refusal } from './exit-codes.js';
import { schedulesOf } from './schedules-file.js';

test('names get their prefix, and each schedule is as the file says', () => {
  const text = 'schedules:\n  nightly:\n    cron: "30 2 * * *"\n    timezone: Europe/Berlin\n    run: {prompt: Report}\n  sch_often:\n    every_seconds: 60\n    run:\n      prompt: |\n        two\n        lines\n';
  expect(schedulesOf(text, 'f')).toEqual([
    { id: 'sch_nightly', body: { cron: '30 2 * * *', timezone: 'Europe/Berlin', run: { prompt: 'Report' } } },
    { id: 'sch_often', body: { every_seconds: 60, run: { prompt: 'two\nlines\n' } } },
  ]);
  expect(schedulesOf('{"schedules": {"json-too": {"every_seconds": 5}}}', 'f')).toHaveLength(1);
});

test.each([
  ['schedules: [', /f: .*line 1/],
  ['schedules:\n  a: {every_seconds: 5}\n  a: {every_seconds: 6}\n', /f: .*unique/],
  ['', /holds no schedules/],
  ['- a', /holds no schedules/],
  ['schedules: 5', /must hold a name for each/],
  ['schedules: {a: 5}', /line 1: "a" must say/],
  ['schedules: {}\nother: {}', /"other" is not known/],
  ['schedules: {"No Such Name": {}}', /cannot be the name/],
])('%j is refused', (text, message) => {
  expect(() => schedulesOf(text, 'f')).toThrow(message);
  expect(() => schedulesOf(text, 'f')).toThrow(Refusal);
});
