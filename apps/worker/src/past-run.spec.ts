// What the log of earlier attempts tells: how long they worked, what was under way, whether the run was over.
import type { RunRecord, RunStore, StoredEvent } from '@runyard/run-store';
import { expect, test } from 'vitest';
import type { AttemptNotes } from './attempt-file.js';
import { changingInFlight, readPast, workOf } from './past-run.js';

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
const event = (second: number, type: string, data: object = {}): Omit<StoredEvent, 'id'> => ({ ts: at(second), type, data: Buffer.from(JSON.stringify(data)) });
const line = (second: number, message: { readonly type: string }) => event(second, `claude.${message.type}`, message);

async function past(events: readonly Omit<StoredEvent, 'id'>[]) {
  const stored = events.map((one, index) => ({ ...one, id: `1-${index + 1}` }));
  const readEvents: RunStore['readEvents'] = async (_, { after }) => ({ events: after === undefined ? stored : [], end: false });
  const run = { id: 'run_x', attempt: 2, request: { prompt: 'p' } } as unknown as RunRecord;
  return readPast(run, [], { readEvents });
}

const notesOf = (attempt: number, ...tools: readonly string[]): AttemptNotes => ({
  attempt,
  starting: { note: 'starting', workerId: 'w', mode: attempt === 1 ? 'start' : 'resume', costBeforeUsd: 0 },
  tools: tools.map((id) => ({ id, name: 'Bash' })),
  ended: undefined,
  outcome: undefined,
});

/** What the plan is told about a run whose log has these events, by attempt, and whose workers noted this. */
async function workAfter(notes: readonly AttemptNotes[], ...attempts: readonly (readonly Omit<StoredEvent, 'id'>[])[]) {
  const stored = attempts.flatMap((events, index) => events.map((one) => ({ ...one, attempt: index + 1 }))).map(({ attempt, ...one }, index) => ({ ...one, id: `${attempt}-${index + 1}` }));
  const readEvents: RunStore['readEvents'] = async (_, { after }) => ({ events: after === undefined ? stored : [], end: false });
  const run = { id: 'run_x', attempt: attempts.length + 1, spawned: attempts.length, request: { prompt: 'p' } } as unknown as RunRecord;
  return workOf(run, notes, await readPast(run, notes, { readEvents }));
}

const answer = (...ids: readonly string[]) => ({ type: 'assistant', message: { id: 'a', model: 'm', content: ids.map((id) => ({ type: 'tool_use', id, name: 'Bash', input: { command: `do ${id}` } })) } });
const gate = (id: string) => ({ type: 'control_request', request_id: `g-${id}`, request: { subtype: 'hook_callback', input: { tool_name: 'Bash', tool_input: { command: `do ${id}` }, tool_use_id: id } } });
const done = (id: string) => ({ type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: id, content: 'x' }] }, tool_result_meta: [{ id }] });

test.each([
  ['waits for the provider', [event(10, 'run.waiting'), event(7200, 'run.queued')]],
  ['was handed over, and then had to wait', [event(10, 'run.handed_over'), event(10, 'run.queued'), event(20, 'run.waiting'), event(7200, 'run.queued')]],
  ['lost its worker, which was noticed later', [event(7200, 'run.queued')]],
])('the time without a worker is not work: a run that %s', async (_, ending) => {
  const { lastedMs, attempts } = await past([event(0, 'run.started'), line(10, answer('t')), ...ending]);
  expect(lastedMs).toBe(10_000);
  expect(attempts[0]?.lastAt).toBe(at(10));
});

test('a tool that was still held at the gate when the worker stopped the process has not begun', async () => {
  const before = [event(0, 'run.started'), line(1, answer('t', 'u')), line(1, gate('t')), line(2, done('t')), line(2, gate('u'))];
  const held = await past([...before, event(3, 'run.interrupted', { reason: 'handed_over', clean: true, held: ['u'] })]);
  expect(held.attempts.map(changingInFlight)).toEqual([[]]);
  const released = await past([...before, event(3, 'run.interrupted', { reason: 'handed_over', clean: false, held: [] })]);
  expect(released.attempts.map((attempt) => changingInFlight(attempt).map(({ id }) => id))).toEqual([['u']]);
});

test('a result that only says that something runs in the background is none, also in the moment between its end and the report', async () => {
  const task = { task_id: 'a', task_type: 'local_agent', tool_use_id: 't', description: 'look' };
  const system = (second: number, subtype: string, more: object) => line(second, { type: 'system', subtype, ...more } as { type: string });
  const events = [
    event(0, 'run.started'),
    system(1, 'task_started', { ...task, is_backgrounded: true }),
    line(2, { type: 'result', subtype: 'success', is_error: false, result: 'it is started' } as { type: string }),
    system(60, 'task_notification', { ...task, status: 'completed' }),
    system(60, 'background_tasks_changed', { tasks: [] }),
  ];
  for (const upTo of [3, 4, 5]) expect((await past(events.slice(0, upTo))).attempts[0]?.outcome).toBeUndefined();
  const report = [system(61, 'init', {}), line(62, { type: 'result', subtype: 'success', is_error: false, result: 'report' } as { type: string })];
  expect((await past([...events, ...report])).attempts[0]?.outcome).toMatchObject({ status: 'succeeded', result: 'report' });
});

test('a process that came to its end while it was being stopped has an outcome; one that was interrupted has none', async () => {
  const before = [event(0, 'run.started'), line(1, { type: 'assistant', message: { id: 'a', model: 'm', content: [] } } as { type: string }), event(3, 'run.interrupted', { reason: 'handed_over', clean: true, held: [] })];
  const result = { type: 'result', result: 'done', total_cost_usd: 1 };
  expect((await past([...before, line(4, { ...result, subtype: 'success', is_error: false } as { type: string })])).attempts[0]?.outcome).toMatchObject({ status: 'succeeded' });
  expect((await past([...before, line(4, { ...result, subtype: 'error_during_execution', is_error: true } as { type: string })])).attempts[0]?.outcome).toBeUndefined();
});

test.each([
  ['the same number', ['1', '1']],
  ['a higher one', ['1', '2']],
])('an attempt that Redis forgot, whose notes have %s as the one that found them: nobody knows what it did', async (_, [claim = '', raised = '']) => {
  const stored = [
    { id: `${claim}-2`, ...event(0, 'run.started') },
    { id: `${raised}-3`, ...event(15, 'run.queued', { dispatch: 2, reason: 'attempt_raised' }) },
  ];
  const readEvents: RunStore['readEvents'] = async (__, { after }) => ({ events: after === undefined ? stored : [], end: false });
  const notes = [1, 2].filter((attempt) => attempt <= Number(raised)).map((attempt) => notesOf(attempt, 't'));
  const found = await readPast({ id: 'run_x', attempt: 3, request: { prompt: 'p' } } as unknown as RunRecord, notes, { readEvents });
  expect(found.lastedMs).toBe(0);
  expect(workOf({ spawned: Number(raised) }, notes, found)).toEqual({ answered: true, changed: true, changingInFlight: ['Bash (what it was to do is lost)'], logIsWhole: false });
});

const started = event(0, 'run.started');
const lostBash = 'Bash (what it was to do is lost)';

test('a tool that was noted and is not in the log: Redis lost events, whatever the rest of the log says', async () => {
  const whole = [started, line(1, answer('t')), line(1, gate('t')), line(2, done('t'))];
  expect(await workAfter([notesOf(1, 't')], whole)).toEqual({ answered: true, changed: true, changingInFlight: [], logIsWhole: true });
  expect(await workAfter([notesOf(1, 't')], whole.slice(0, -1))).toEqual({ answered: true, changed: true, changingInFlight: ['Bash: do t'], logIsWhole: true });
  // The cut seems to be a clean one …
  expect(await workAfter([notesOf(1, 't', 'u')], whole)).toEqual({ answered: true, changed: true, changingInFlight: [lostBash], logIsWhole: false });
  expect(await workAfter([notesOf(1, 't', 'u', 'v')], whole)).toMatchObject({ changingInFlight: ['2 × Bash (what it was to do is lost)'] });
  // … or before the first answer, and only its request may be lost.
  expect(await workAfter([notesOf(1, 't')], [started])).toEqual({ answered: true, changed: true, changingInFlight: [lostBash], logIsWhole: false });
  expect(await workAfter([notesOf(1, 't')], whole.slice(0, 2))).toEqual({ answered: true, changed: true, changingInFlight: ['Bash: do t'], logIsWhole: false });
  // Of an attempt of which no event at all is left only the notes are left.
  expect(await workAfter([notesOf(1, 't')], [])).toEqual({ answered: true, changed: true, changingInFlight: [lostBash], logIsWhole: false });
});

test('without notes, as older versions left them, the log is what there is', async () => {
  expect(await workAfter([notesOf(1)], [started])).toEqual({ answered: false, changed: false, changingInFlight: [], logIsWhole: true });
  expect(await workAfter([notesOf(1)], [started, line(1, answer('t')), line(1, gate('t'))])).toEqual({ answered: true, changed: true, changingInFlight: ['Bash: do t'], logIsWhole: true });
});

test('events that an earlier attempt of the same conversation lost are not missed again, but it has changed something', async () => {
  expect(await workAfter([notesOf(1, 't'), notesOf(2)], [started], [started])).toEqual({ answered: true, changed: true, changingInFlight: [], logIsWhole: true });
  const restarted = { ...notesOf(2), starting: { note: 'starting', workerId: 'w', mode: 'restart', costBeforeUsd: 0 } } as const;
  expect(await workAfter([notesOf(1, 't'), restarted], [started], [started])).toMatchObject({ answered: false, changed: false });
});

test('a noted tool that was held after all is told so by the hand-over, and is in flight when the log lost its result', async () => {
  const interrupted = (held: readonly string[]) => event(3, 'run.interrupted', { reason: 'handed_over', clean: true, held });
  const before = [started, line(1, answer('t')), line(1, gate('t'))];
  expect(await workAfter([notesOf(1, 't')], [...before, interrupted(['t'])])).toMatchObject({ changingInFlight: [], logIsWhole: true });
  expect(await workAfter([notesOf(1, 't', 'u')], [...before, line(2, done('t')), interrupted([])])).toMatchObject({ changingInFlight: [lostBash], logIsWhole: false });
});
