// The checker can fail: a good case has no violation, and each way of breaking a promise is one of the right invariant.
import { expect, test } from 'vitest';
import { check } from './checker.ts';
import type { Invariant } from './checker.ts';
import type { Evidence, Expectation, RunView, SeenEvent, Viewer } from './evidence.ts';

const run: RunView = {
  id: 'run_1',
  status: 'succeeded',
  waiting_for: null,
  attempt: 2,
  session_id: 'ses_1',
  worker_id: null,
  started_at: '2030-01-01T00:00:00.000Z',
  ended_at: '2030-01-01T00:01:00.000Z',
  result: 'done',
  failure: null,
  cost_usd: 0.5,
  cost_estimated: true,
};

function event(id: string, type: string, data: object = {}): SeenEvent {
  return { id, type, text: JSON.stringify({ id, run_id: 'run_1', type, data }) };
}

const all: readonly SeenEvent[] = [
  event('0-1', 'run.queued'),
  event('1-2', 'run.started', { worker_id: 'one' }),
  event('1-3', 'claude.stream_event', { text: 'a' }),
  event('1-4', 'claude.assistant', { message: { model: 'm' } }),
  event('2-5', 'run.started', { worker_id: 'two' }),
  event('2-6', 'claude.assistant', { message: { model: 'm' } }),
  event('2-7', 'claude.result', { total_cost_usd: 0.4 }),
  event('2-8', 'run.finished'),
];
const log = all.filter((one) => one.type !== 'claude.stream_event');
const before = Date.parse('2030-01-01T00:00:00.000Z');
const viewer = (events: readonly SeenEvent[] = all): Viewer => ({ connections: [{ openedAtMs: before, events }], resets: 0, ended: true });
const inPieces: Viewer = { ...viewer(), connections: [all.slice(0, 3), all.slice(3, 4), [], all.slice(4)].map((events) => ({ openedAtMs: before, events })) };

const good: Evidence = {
  run,
  log,
  viewers: [viewer(), inPieces],
  ledger: [
    { tool: 'effect', runId: 'run_1', attempt: 1, atMs: 1000 },
    { tool: 'other', runId: 'run_1', attempt: 2, atMs: 2000 },
  ],
  calls: [
    { workerId: 'one', sessionUuid: 's', atMs: 900 },
    { workerId: 'one', sessionUuid: 's', atMs: 1100 },
    { workerId: 'two', sessionUuid: 's', atMs: 1900 },
  ],
  leftovers: [],
  killedWorkers: ['one'],
};
const expected: Expectation = { ends: ['succeeded'], attempts: { from: 2, to: 2 }, lines: { effect: { from: 1, to: 1 } } };

function broken(change: Partial<Evidence>, other: Partial<Expectation> = {}): Set<Invariant> {
  return new Set(check({ ...good, ...change }, { ...expected, ...other }).map((violation) => violation.invariant));
}

const withRun = (change: Partial<RunView>): Partial<Evidence> => ({ run: { ...run, ...change } });
const without = (id: string): SeenEvent[] => all.filter((one) => one.id !== id);

test('a case in which everything was kept has no violation', () => {
  expect(check(good, expected)).toEqual([]);
  // Who comes when the log has been compacted sees no partial text.
  const late: Viewer = { ...viewer(), connections: [{ openedAtMs: Date.parse('2030-01-01T00:02:00.000Z'), events: log }] };
  expect(check({ ...good, viewers: [viewer(), late] }, expected)).toEqual([]);
});

test('I1: no end, an end that is not allowed, two ends, too many attempts, an accepted run that is unknown', () => {
  expect(broken(withRun({ status: 'running', ended_at: null }))).toContain('I1');
  expect(broken(withRun({ status: 'waiting', waiting_for: 'recovery' }))).toContain('I1');
  expect(broken(withRun({ status: 'failed', failure: { code: 'worker_lost', message: '' } }))).toEqual(new Set(['I1']));
  expect(broken(withRun({ status: 'failed', failure: { code: 'killed', message: '' } }), { ends: ['failed:worker_lost'] })).toEqual(new Set(['I1']));
  expect(broken({ log: [...log, event('2-9', 'run.finished')] })).toContain('I1');
  expect(broken({}, { attempts: { from: 1, to: 1 } })).toEqual(new Set(['I1']));
  expect(broken({ run: undefined })).toEqual(new Set(['I1']));
  expect(broken({ run: undefined }, { mayBeLost: true })).toEqual(new Set());
});

test('I2: an effect of an attempt, or a call of a worker, after a later one has begun', () => {
  const [first, second] = good.ledger;
  if (first === undefined || second === undefined) throw new Error('no lines');
  expect(broken({ ledger: [{ ...first, atMs: 2001 }, second] })).toEqual(new Set(['I2']));
  expect(broken({ ledger: [{ ...first, atMs: 2000 }, second] })).toEqual(new Set(['I2']));
  expect(broken({ calls: [...good.calls, { workerId: 'one', sessionUuid: 's', atMs: 2000 }] })).toEqual(new Set(['I2']));
});

test('I3: a gap, a repetition, wrong order, another text, no end, an event too many, lost history', () => {
  const seen = (events: readonly SeenEvent[]): Set<Invariant> => broken({ viewers: [viewer(), viewer(events)] });
  expect(seen(without('1-4'))).toEqual(new Set(['I3']));
  expect(seen(without('1-3')), 'partial text is missing in a live stream').toEqual(new Set(['I3']));
  expect(seen(without('2-8'))).toEqual(new Set(['I3']));
  expect(seen(all.flatMap((one) => (one.id === '1-3' ? [one, one] : [one])))).toEqual(new Set(['I3']));
  expect(seen(all.map((one) => (one.id === '1-3' ? { ...one, text: 'x' } : one)))).toEqual(new Set(['I3']));
  expect(seen(all.map((one) => (one.id === '1-4' ? { ...one, text: 'x' } : one)))).toEqual(new Set(['I3']));
  expect(seen([...all, event('2-9', 'claude.system')])).toEqual(new Set(['I3']));
  expect(seen([...all.slice(0, 5), event('1-6', 'claude.assistant'), ...all.slice(6)])).toEqual(new Set(['I3']));
  expect(broken({ viewers: [{ ...viewer(), resets: 1 }] })).toEqual(new Set(['I3']));
  expect(broken({ viewers: [{ ...viewer(), ended: false }] })).toEqual(new Set(['I3']));
});

test('I4: an effect that came twice, in one attempt or in two, or not at all', () => {
  const again = (attempt: number, atMs: number) => broken({ ledger: [...good.ledger, { tool: 'effect', runId: 'run_1', attempt, atMs }] });
  expect(again(2, 2500)).toEqual(new Set(['I4']));
  expect(again(1, 1500)).toEqual(new Set(['I4']));
  expect(broken({ ledger: [] })).toEqual(new Set(['I4']));
  const twice = [...good.ledger, { tool: 'effect', runId: 'run_1', attempt: 1, atMs: 1500 }];
  expect(broken({ ledger: twice }, { lines: { effect: { from: 1, to: 2 } } }), 'a restart allows it in two attempts, not in one').toEqual(new Set(['I4']));
});

test('I5: whatever is left', () => {
  expect(broken({ leftovers: ['process 12'] })).toEqual(new Set(['I5']));
});

test('I6: a price that was not told, an estimate that does not say so, nothing for an answer', () => {
  expect(broken(withRun({ cost_estimated: false }))).toEqual(new Set(['I6']));
  expect(broken(withRun({ cost_estimated: false }), { priceKept: true })).toEqual(new Set());
  expect(broken(withRun({ cost_usd: null }))).toEqual(new Set(['I6']));
  expect(broken(withRun({ cost_usd: 0.3 }))).toEqual(new Set(['I6']));
  const one = log.filter((event_) => event_.id !== '1-4');
  const alone = { log: one, viewers: [viewer(without('1-4').filter((event_) => event_.id !== '1-3'))] };
  expect(broken({ ...alone, viewers: [], ...withRun({ cost_usd: 0.4, cost_estimated: false }) })).toEqual(new Set());
  expect(broken({ ...alone, viewers: [], ...withRun({ cost_usd: 0.5, cost_estimated: false }) })).toEqual(new Set(['I6']));
  expect(broken({ ...alone, viewers: [], ...withRun({ cost_usd: 0.5 }) }), 'the first words of an attempt that was cut off').toEqual(new Set());
});

test('I6 of an attempt whose end is not in the log: the attempt that ended the run with it, and had no process, knew its price', () => {
  const [queued, started, , answered] = all;
  if (!queued || !started || !answered) throw new Error('no events');
  const ends = (id: string, status: string): SeenEvent[] => [event(id.replace(/.$/, '5'), 'run.started', { worker_id: 'two' }), event(id, 'run.finished', { status })];
  const cost = (events: SeenEvent[], change: Partial<RunView> = {}) => broken({ log: events, viewers: [], ledger: [], calls: [], ...withRun({ cost_estimated: false, ...change }) }, { lines: {} });
  const first = [queued, started, answered];
  expect(cost([...first, ...ends('2-6', 'succeeded')])).toEqual(new Set());
  expect(cost([...first, ...ends('2-6', 'succeeded')], { cost_usd: 0 })).toEqual(new Set(['I6']));
  expect(cost([...first, ...ends('2-6', 'failed')]), 'not with what it had come to').toEqual(new Set(['I6']));
  expect(cost([...first, event('2-5', 'claude.system'), event('2-6', 'run.finished', { status: 'succeeded' })]), 'it had a process of its own').toEqual(new Set(['I6']));
  const second = [...first, event('2-5', 'run.started'), event('2-6', 'claude.assistant', { message: { model: 'm' } })];
  expect(cost([...second, ...ends('3-6', 'succeeded')], { attempt: 3 }).has('I6'), 'only the last one was kept').toBe(true);
  const mute = [...first, event('2-5', 'run.started'), event('2-6', 'claude.system')];
  expect(cost([...mute, ...ends('3-6', 'succeeded')], { attempt: 3 }).has('I6'), 'it was the end of one whose words were lost').toBe(true);
});

test('I6 of a canceled run: what a living worker has seen is known, what a killed one has spent may be unknown, and the record says so', () => {
  const cost = (change: Partial<RunView>, more: Partial<Evidence> = {}) => broken({ viewers: [], ledger: [], calls: [], ...more, ...withRun({ status: 'canceled', ...change }) }, { ends: ['canceled'], lines: {} });
  expect(cost({})).toEqual(new Set());
  expect(cost({ cost_usd: 0.4 }), 'without the lost attempt').toEqual(new Set());
  expect(cost({ cost_usd: 0.4 }, { killedWorkers: [] })).toEqual(new Set());
  expect(cost({ cost_usd: 0.3 })).toEqual(new Set(['I6']));
  expect(cost({ cost_usd: null })).toEqual(new Set(['I6']));
  const first = { log: [...log.slice(0, 3), event('1-5', 'run.finished')] };
  expect(cost({ attempt: 1, cost_usd: null }, first).has('I6')).toBe(false);
  expect(cost({ attempt: 1, cost_usd: null, cost_estimated: false }, first).has('I6')).toBe(true);
  expect(cost({ attempt: 1, cost_usd: null }, { ...first, killedWorkers: [] }).has('I6'), 'its worker lived').toBe(true);
});
