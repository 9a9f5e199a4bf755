// Event ids: their order decides what a client has seen.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareEventIds, EventId, OWN_EVENT_TYPES, parseEventId } from './events.js';

const parts = fc.record({ attempt: fc.integer({ min: 0, max: 9_999_999_999 }), seq: fc.integer({ min: 1, max: 9_007_199_254_740_991 }) });
const ids = parts.map(({ attempt, seq }) => `${attempt}-${seq}`);

test('an id is read back as what it was made of', () => {
  fc.assert(
    fc.property(parts, ({ attempt, seq }) => {
      expect(parseEventId(`${attempt}-${seq}`)).toEqual({ attempt, seq });
    }),
  );
});

test.each(['', '1', '-1', '1-', '1-0', '01-1', '1-01', '1-1-1', ' 1-1', '1-1\n', 'a-1', '1-1e3', '1.5-2', '+1-1', '-1-1', '0-', '$', '(1-1', '1-*'])('%j is no event id', (text) => {
  expect(parseEventId(text)).toBeUndefined();
  expect(EventId.safeParse(text).success).toBe(false);
});

test.each([
  ['0-1', '0-2'],
  ['0-2', '1-1'],
  ['0-999', '1-3'],
  ['1-9', '1-10'],
  ['9-1', '10-1'],
  ['2-2', '10-1'],
])('%s comes before %s', (a, b) => {
  expect(compareEventIds(a, b)).toBeLessThan(0);
  expect(compareEventIds(b, a)).toBeGreaterThan(0);
});

test('comparing is a total order', () => {
  fc.assert(
    fc.property(ids, ids, ids, (a, b, c) => {
      expect(Math.sign(compareEventIds(a, b))).toBe(Math.sign(-compareEventIds(b, a)) + 0);
      expect(compareEventIds(a, b) === 0).toBe(a === b);
      if (compareEventIds(a, b) <= 0 && compareEventIds(b, c) <= 0) expect(compareEventIds(a, c)).toBeLessThanOrEqual(0);
    }),
  );
});

test('comparing what is no id is a mistake of the caller', () => {
  expect(() => compareEventIds('1-1', 'x')).toThrow(/not an event id: x/);
  expect(() => compareEventIds('', '1-1')).toThrow(RangeError);
});

test('the types of the contract, no more and no fewer', () => {
  expect(Object.keys(OWN_EVENT_TYPES)).toEqual([
    'run.queued', 'run.started', 'run.waiting', 'run.resumed', 'run.interrupted', 'run.handed_over', 'run.finished',
    'permission.requested', 'permission.decided', 'input.received', 'workspace.ready', 'log.stderr',
  ]);
});
