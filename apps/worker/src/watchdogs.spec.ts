// The watchdogs: what counts as silence, and when each of them orders a stop.
import { expect, test } from 'vitest';
import { StopOrders } from './stop-orders.js';
import { checkWatchdogs } from './watchdogs.js';
import type { WatchedRun } from './watchdogs.js';

const limits = { firstMessageTimeoutMs: 60_000, silenceTimeoutMs: 330_000, exitTimeoutMs: 10_000 };
const bash = { id: 't', name: 'Bash', input: { timeout: 600_000 }, sinceMs: 0 };
const permission = { requestId: 'r', toolName: 'Bash', toolUseId: 't', input: {}, sinceMs: 0 };

type Changes = Partial<Omit<WatchedRun, 'tracker'>> & { tracker?: Partial<WatchedRun['tracker']> };

function ordered(nowMs: number, changes: Changes = {}) {
  const tracker = { sawMessage: true, openPermissions: [], openTools: [], backgroundTaskCount: 0, turnOpen: true, ...changes.tracker };
  const orders = new StopOrders();
  checkWatchdogs({ startedAtMs: 0, silentSinceMs: 0, inputClosedAtMs: undefined, ...changes, tracker }, limits, orders, nowMs);
  return orders.current;
}

test('no first message', () => {
  expect(ordered(60_000, { tracker: { sawMessage: false } })).toBeUndefined();
  expect(ordered(60_001, { tracker: { sawMessage: false } })).toEqual({ reason: 'stalled', message: 'The CLI said nothing within 60 s of its start.' });
});

test('silence while Claude thinks', () => {
  expect(ordered(330_000)).toBeUndefined();
  expect(ordered(330_001)).toEqual({ reason: 'stalled', message: 'The CLI was silent for 330 s.' });
  expect(ordered(700_000, { silentSinceMs: 400_000 })).toBeUndefined();
});

test('a tool may take its own time, a permission and a background task any', () => {
  expect(ordered(600_000, { tracker: { openTools: [bash] } })).toBeUndefined();
  expect(ordered(630_001, { tracker: { openTools: [bash] } })?.reason).toBe('stalled');
  expect(ordered(10 ** 9, { tracker: { openPermissions: [permission] } })).toBeUndefined();
  expect(ordered(10 ** 9, { tracker: { backgroundTaskCount: 1, turnOpen: false } })).toBeUndefined();
});

test('a process that does not end after its last answer', () => {
  expect(ordered(20_000, { inputClosedAtMs: 10_000 })).toBeUndefined();
  expect(ordered(20_001, { inputClosedAtMs: 10_000 })).toEqual({ reason: 'not_exiting', message: 'The CLI did not end within 10 s of its last answer.' });
});
