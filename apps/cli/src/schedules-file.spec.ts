// What a YAML file of schedules may do with anchors, and that every mistake is told with its line and what to do.
import { expect, test } from 'vitest';
import { EXIT, Refusal } from './exit-codes.js';
import { schedulesOf } from './schedules-file.js';

function refusalOf(text: string): Refusal {
  try {
    schedulesOf(text, 'f');
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error(`${text} was not refused`);
}

const QUOTES = /quotes, such as cron: "\*\/5 \* \* \* \*"/;

test.each([
  ['schedules: &a {x: *a}', /^f, line 1: \*a stands within &a, so it would have no end\.$/, /Write it out/],
  ['schedules:\n  x: &b\n    run:\n      metadata: *b\n', /^f, line 4: \*b stands within &b/, /Write it out/],
  ['schedules:\n  x:\n    run: *nope\n', /^f, line 3: \*nope stands for nothing: there is no anchor &nope before it\.$/, QUOTES],
  ['schedules:\n  x:\n    run: *late\n  y:\n    run: &late {prompt: a}\n', /^f, line 3: \*late stands for nothing/, QUOTES],
  ['schedules:\n  x:\n    cron: */5 * * * *\n', /^f: .*line 3/, QUOTES],
  ['schedules:\n  x:\n    cron: * * * * *\n', /^f: .*line 3/, QUOTES],
  ['schedules: {x: {cron: */5 * * * *}}', /^f: .*line 1/, QUOTES],
  ['schedules:\n  x:\n    cron: *\n', /^f/, QUOTES],
  ['schedules:\n  sch_dup: {every_seconds: 5}\n  dup: {every_seconds: 6}\n', /^f, line 3: "dup" is the same schedule as "sch_dup"\.$/, /Keep one/],
  ['schedules:\n  ok: {every_seconds: 5}\n  x: 5\n', /^f, line 3: "x" must say when and what to run\.$/, /Write it like this/],
  ['schedules:\n  x: [1]\n', /^f, line 2: "x" must say/, /Write it like this/],
  ['schedules:\n  x:\n', /^f, line 2: "x" must say/, /Write it like this/],
  ['schedules: 5', /^f, line 1: "schedules" must hold/, /Write it like this/],
  ['schedules: {}\nnightly: {every_seconds: 5}\n', /^f, line 2: "nightly" is not known beside "schedules"\.$/, /indent it/],
  ['schedules: {}\n---\nschedules: {}\n', /^f holds several YAML documents\.$/, /---/],
  ['schedules:\n  x:\n    <<: 5\n', /^f cannot be read: /, /Correct/],
])('%j: a wrong use that names the line and the fix', (text, message, next) => {
  const refusal = refusalOf(text);
  expect([refusal.exitCode, refusal.message, refusal.next]).toEqual([EXIT.usage, expect.stringMatching(message), expect.stringMatching(next)]);
});

test('anchors are replaced, merged, and used as often as one likes', () => {
  const text = 'schedules:\n  first: &base\n    every_seconds: 60\n    run: {prompt: x}\n  second:\n    <<: *base\n    every_seconds: 90\n';
  expect(schedulesOf(text, 'f')).toEqual([
    { id: 'sch_first', body: { every_seconds: 60, run: { prompt: 'x' } } },
    { id: 'sch_second', body: { every_seconds: 90, run: { prompt: 'x' } } },
  ]);
  const many = Array.from({ length: 1000 }, (_, i) => `  s${i}: {every_seconds: 60, run: *run}\n`).join('');
  const entries = schedulesOf(`schedules:\n  s: {every_seconds: 60, run: &run {prompt: x, tags: [a, b]}}\n${many}`, 'f');
  expect([entries.length, entries.at(-1)]).toEqual([1001, { id: 'sch_s999', body: { every_seconds: 60, run: { prompt: 'x', tags: ['a', 'b'] } } }]);
});

test('a small file that aliases make huge is refused before it is', () => {
  const levels = Array.from({ length: 12 }, (_, i) => `  s${i}: &s${i} {run: [${Array.from({ length: 9 }, () => (i === 0 ? 'x' : `*s${i - 1}`)).join(', ')}]}\n`);
  expect(refusalOf(`schedules:\n${levels.join('')}`).message).toMatch(/^f, line \d+: aliases make more than 200000 values of it\.$/);
});
