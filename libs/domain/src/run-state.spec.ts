// The state table, over every pair of states.
import { expect, test } from 'vitest';
import { isTerminal, mayBecome, RUN_STATUSES, RUN_TRANSITIONS, TERMINAL_STATUSES } from './run-state.js';
import type { RunStatus } from './run-state.js';

// Written down a second time on purpose, as the design page has it: a slip in the table must not pass.
const DESIGN: Record<RunStatus, RunStatus[]> = {
  queued: ['running', 'canceled', 'failed', 'waiting'],
  running: ['waiting', 'queued', 'succeeded', 'failed', 'canceled'],
  waiting: ['running', 'queued', 'failed', 'canceled'],
  succeeded: [],
  failed: [],
  canceled: [],
};

const PAIRS = RUN_STATUSES.flatMap((from) => RUN_STATUSES.map((to) => [from, to] as const));

test('there are six states and 36 pairs', () => {
  expect(RUN_STATUSES).toEqual(Object.keys(DESIGN));
  expect(PAIRS).toHaveLength(36);
});

test.each(PAIRS)('%s → %s', (from, to) => {
  expect(mayBecome(from, to)).toBe(DESIGN[from].includes(to));
});

test('terminal is final', () => {
  expect(RUN_STATUSES.filter(isTerminal)).toEqual([...TERMINAL_STATUSES]);
  for (const from of TERMINAL_STATUSES) expect(RUN_STATUSES.filter((to) => mayBecome(from, to))).toEqual([]);
});

test('every state that is not terminal can be left for a terminal one, and every state is reached from queued', () => {
  const reached = new Set<RunStatus>(['queued']);
  for (let size = 0; size < reached.size; ) {
    size = reached.size;
    for (const { from, to } of RUN_TRANSITIONS) if (reached.has(from)) reached.add(to);
  }
  expect([...reached].toSorted()).toEqual([...RUN_STATUSES].toSorted());
  for (const from of RUN_STATUSES.filter((status) => !isTerminal(status))) {
    expect(TERMINAL_STATUSES.some((to) => mayBecome(from, to)), from).toBe(true);
  }
});

test('no pair stands in the table twice, and each says why', () => {
  const pairs = RUN_TRANSITIONS.map(({ from, to }) => `${from}>${to}`);
  expect(new Set(pairs).size).toBe(pairs.length);
  for (const { because } of RUN_TRANSITIONS) expect(because).not.toBe('');
});
