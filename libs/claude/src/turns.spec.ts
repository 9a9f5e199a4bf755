import { expect, test } from 'vitest';
import { peekMessage } from './message-peek.js';
import { TurnTracker } from './turns.js';

const UUID = '11111111-1111-4111-8111-111111111111';

/** A tracker that was sent one message, and a way to feed it. The clock stands still unless it is set. */
function tracked() {
  const tracker = new TurnTracker();
  const clock = { ms: 0 };
  tracker.sent(UUID);
  const feed = (...messages: object[]) => {
    for (const message of messages) {
      const line = Buffer.from(JSON.stringify(message));
      tracker.feed(line, peekMessage(line), clock.ms);
    }
  };
  return { tracker, clock, feed, ready: () => tracker.readyToClose(clock.ms) };
}

const lifecycle = (state: string, uuid = UUID) => ({ type: 'command_lifecycle', command_uuid: uuid, state });
const session = (state: string) => ({ type: 'system', subtype: 'session_state_changed', state });
const init = { type: 'system', subtype: 'init', session_id: 's', model: 'm', permissionMode: 'acceptEdits', claude_code_version: '2' };
const assistant = (content: object[], more = {}) => ({ type: 'assistant', message: { content }, parent_tool_use_id: null, ...more });
const toolUse = (id: string, name = 'Bash', input: object = { command: 'npm test' }) => ({ type: 'tool_use', id, name, input });
const toolResult = (id: string, meta?: object, content = 'out') => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: id, content }] },
  ...(meta ? { tool_result_meta: [{ id, ...meta }] } : {}),
});
const result = (more: object = {}) => ({ is_error: false, result: 'ok', num_turns: 1, total_cost_usd: 0.1, usage: { input_tokens: 1 }, ...more, subtype: 'success', type: 'result' });
const tasks = (...ids: string[]) => ({ type: 'system', subtype: 'background_tasks_changed', tasks: ids.map((id) => ({ task_id: id })) });
const ended = (id: string, status = 'completed') => ({ type: 'system', subtype: 'task_notification', task_id: id, status });

test('a plain turn, in the order the CLI has: the result comes before the message is completed', () => {
  const { feed, ready, tracker } = tracked();
  expect(ready()).toBe(false);
  feed(session('running'), lifecycle('queued'), lifecycle('started'), init, assistant([{ type: 'text', text: 'ok' }]));
  expect(tracker).toMatchObject({ sawMessage: true, turnOpen: true, session: { sessionId: 's', model: 'm', permissionMode: 'acceptEdits', claudeVersion: '2' } });
  feed(result());
  expect(ready()).toBe(false);
  feed(lifecycle('completed'));
  expect(ready()).toBe(false);
  feed(session('idle'));
  expect(ready()).toBe(true);
  expect(tracker.turnOpen).toBe(false);
});

test('a background task that ends while the session is idle owes a turn; the second result is the last', () => {
  const { feed, ready, tracker, clock } = tracked();
  feed(session('running'), init, tasks('t1'), result({ result: 'first' }), lifecycle('completed'), session('idle'));
  expect([ready(), tracker.backgroundTaskCount]).toEqual([false, 1]);
  feed(ended('t1'), tasks());
  expect([ready(), tracker.backgroundTaskCount]).toEqual([false, 0]);
  feed(session('running'));
  clock.ms = 60_000;
  expect(ready()).toBe(false);
  feed(init, result({ result: 'second', num_turns: 2, origin: { kind: 'task-notification' } }), session('idle'));
  expect(ready()).toBe(true);
  expect(tracker.lastResult).toMatchObject({ result: 'second' });
  expect(tracker.usage.totals.numTurns).toBe(3);
});

test('a task that was stopped owes nothing, and a turn that never comes is not waited for without end', () => {
  const stopped = tracked();
  stopped.feed(init, tasks('t1'), result(), lifecycle('completed'), session('idle'), ended('t1', 'stopped'), tasks());
  expect(stopped.ready()).toBe(true);
  const lost = tracked();
  lost.feed(init, tasks('t1'), result(), lifecycle('completed'), session('idle'), ended('t1'), tasks());
  expect(lost.ready()).toBe(false);
  lost.clock.ms = 10_000;
  expect(lost.ready()).toBe(true);
});

test('a task that was stopped with its process has not come to its end: more was to follow, until Claude has answered once more', () => {
  const { feed, tracker } = tracked();
  feed(session('running'), init, tasks('t1'), result({ result: 'it is started' }), lifecycle('completed'), session('idle'));
  feed(ended('t1', 'stopped'), tasks(), session('idle'));
  expect([tracker.backgroundTaskCount, tracker.turnOpen, tracker.hasMoreToSay]).toEqual([0, false, true]);
  feed(session('running'), init, result({ result: 'it was stopped' }), session('idle'));
  expect(tracker.hasMoreToSay).toBe(false);
});

test('a task that Claude itself stops within a turn is no reason to wait', () => {
  const { feed, tracker } = tracked();
  feed(session('running'), init, tasks('t1'), ended('t1', 'stopped'), tasks(), result(), lifecycle('completed'), session('idle'));
  expect(tracker.hasMoreToSay).toBe(false);
});

test('a task that ends within a turn owes nothing of its own: the session says whether another turn follows', () => {
  const { feed, ready } = tracked();
  feed(session('running'), init, tasks('t1'), ended('t1'), tasks(), result(), lifecycle('completed'));
  expect(ready()).toBe(false);
  feed(session('idle'));
  expect(ready()).toBe(true);
});

test('slow foreground commands are no background tasks', () => {
  const { feed, tracker } = tracked();
  const started = { type: 'system', subtype: 'task_started', task_id: 't1' };
  feed({ ...started, is_backgrounded: false });
  expect(tracker.backgroundTaskCount).toBe(0);
  feed({ ...started, is_backgrounded: true });
  expect(tracker.backgroundTaskCount).toBe(1);
});

test('queued messages: every one of them has to be dealt with', () => {
  const { feed, ready, tracker } = tracked();
  tracker.sent('second');
  feed(init, lifecycle('started'), result(), lifecycle('completed'), session('idle'));
  expect(ready()).toBe(false);
  feed(init, result(), session('idle'));
  expect(ready(), 'a result says nothing about a message when the CLI itself does').toBe(false);
  feed(lifecycle('discarded', 'second'));
  expect(ready()).toBe(true);
});

test('a message that the CLI takes for a repetition is completed without any result: nothing to wait for', () => {
  const { feed, ready, tracker } = tracked();
  feed(session('running'), lifecycle('completed'), session('idle'));
  expect(ready()).toBe(true);
  expect(tracker.lastResult).toBeUndefined();
});

test('a CLI that knows neither lifecycle nor session states: as many results as messages', () => {
  const { feed, ready, tracker } = tracked();
  tracker.sent('second');
  feed(init, result());
  expect(ready()).toBe(false);
  feed(init);
  expect(ready()).toBe(false);
  feed(result({ origin: { kind: 'task-notification' } }));
  expect(ready(), 'the turn of a task is nobody’s message').toBe(false);
  feed(init, result());
  expect(ready()).toBe(true);
});

test('a permission request keeps the input open until it is answered or withdrawn', () => {
  const { feed, ready, tracker, clock } = tracked();
  feed(init, result(), lifecycle('completed'), session('idle'));
  clock.ms = 7;
  const ask = (id: string) => ({ type: 'control_request', request_id: id, request: { subtype: 'can_use_tool', tool_name: 'Bash', tool_use_id: 'u', input: { command: 'x' } } });
  feed(ask('r1'), ask('r2'), { type: 'control_request', request_id: 'h', request: { subtype: 'of_tomorrow' } });
  expect(tracker.openPermissions).toHaveLength(2);
  expect(tracker.openPermissions[0]).toEqual({ requestId: 'r1', toolName: 'Bash', toolUseId: 'u', input: { command: 'x' }, sinceMs: 7 });
  feed({ type: 'control_cancel_request', request_id: 'r1' });
  expect(ready()).toBe(false);
  tracker.permissionAnswered('r2');
  expect(ready()).toBe(true);
});

test('open tools: from tool_use to tool_result, subagents included, none after the result', () => {
  const { feed, tracker, clock } = tracked();
  clock.ms = 5;
  feed(init, assistant([toolUse('a'), toolUse('b', 'Read', {})]), assistant([toolUse('c')], { parent_tool_use_id: 'a' }));
  expect(tracker.openTools.map((tool) => tool.id)).toEqual(['a', 'b', 'c']);
  expect(tracker.openTools[0]).toEqual({ id: 'a', name: 'Bash', input: { command: 'npm test' }, sinceMs: 5 });
  feed(toolResult('b'));
  expect(tracker.openTools.map((tool) => tool.id)).toEqual(['a', 'c']);
  feed(result());
  expect(tracker.openTools).toEqual([]);
});

test.each([
  ['a question nobody answers', { non_execution_kind: 'user-rejected', permission_decision: { decision: 'reject', source: 'config' } }, {}, true],
  ['a rule of disallowed_tools', { non_execution_kind: 'permission-rule', permission_decision: { reason_type: 'subcommandResults' } }, {}, false],
  ['the mode dontAsk', { non_execution_kind: 'permission-rule', permission_decision: { reason_type: 'mode' } }, {}, false],
  ['a write in plan mode', { non_execution_kind: 'user-rejected' }, { decision_reason_type: 'mode' }, false],
  ['plan mode without its classifier', { non_execution_kind: 'automode-unavailable' }, { decision_reason_type: 'classifier' }, false],
  ['a person who says no', { non_execution_kind: 'permission-rule', permission_decision: { source: 'user_reject' } }, {}, false],
])('a denial by %s', (_, meta, reason, unanswered) => {
  const { feed, tracker } = tracked();
  feed(init, assistant([toolUse('a')]), { type: 'system', subtype: 'permission_denied', tool_use_id: 'a', message: 'why', ...reason });
  feed(toolResult('a', meta), result({ permission_denials: [{ tool_name: 'Bash', tool_use_id: 'a', tool_input: {} }] }));
  expect(tracker.denials).toEqual([{ toolUseId: 'a', toolName: 'Bash', input: { command: 'npm test' }, message: 'why', unanswered }]);
});

test('a host that went away while it was asked counts as no answer', () => {
  const { feed, tracker } = tracked();
  feed(init, assistant([toolUse('a')]), toolResult('a', { non_execution_kind: 'permission-rule' }, 'Tool permission request failed: AbortError'));
  expect(tracker.denials).toMatchObject([{ toolUseId: 'a', unanswered: true }]);
});

test('a command that ran and failed is no denial; a denial known only from the result is one', () => {
  const { feed, tracker } = tracked();
  feed(init, assistant([toolUse('a'), toolUse('b')]), toolResult('a', {}, 'Exit code 1'), toolResult('b'));
  feed(result({ permission_denials: [{ tool_name: 'Write', tool_use_id: 'x', tool_input: { file_path: '/f' } }] }));
  expect(tracker.denials).toEqual([{ toolUseId: 'x', toolName: 'Write', input: { file_path: '/f' }, message: '', unanswered: true }]);
});

test('the class of an API failure is forgotten when Claude answers after it; subagents do not count', () => {
  const { feed, tracker } = tracked();
  feed(init, assistant([], { error: 'rate_limit' }));
  expect(tracker.errorClass).toBe('rate_limit');
  feed(assistant([], { error: 'billing_error', parent_tool_use_id: 'a' }));
  expect(tracker.errorClass).toBe('rate_limit');
  feed(assistant([{ type: 'text', text: 'hi' }]));
  expect(tracker.errorClass).toBeUndefined();
});

test('the structured answer survives a later result without one', () => {
  const { feed, tracker } = tracked();
  feed(init, result({ structured_output: { a: 1 } }), init, result());
  expect(tracker.structuredOutput).toEqual({ a: 1 });
});

test('garbage, unknown types and messages of unexpected shape are harmless', () => {
  const { feed, tracker, ready } = tracked();
  tracker.feed(Buffer.from('oops'), { kind: 'garbage' }, 0);
  expect(tracker.sawMessage).toBe(false);
  feed({ type: 'a_type_of_tomorrow' }, { type: 'assistant' }, { type: 'user', message: 'text' }, { type: 'system' }, { type: 'control_request' });
  feed({ type: 'command_lifecycle' }, { type: 'system', subtype: 'task_notification' }, { type: 'system', subtype: 'background_tasks_changed', tasks: 'none' });
  expect(tracker.sawMessage).toBe(true);
  expect(ready()).toBe(false);
});

test('every result of a tool is told once, with whether the tool ran and what came of it', () => {
  const told: string[] = [];
  const tracker = new TurnTracker({ onToolResult: (tool, outcome) => void told.push(`${tool} ${outcome}`) });
  const failed = { type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: 'b', content: 'exit 1', is_error: true }] } };
  const refused = { ...toolResult('c', { non_execution_kind: 'permission-rule' }, 'no') };
  for (const message of [init, assistant([toolUse('a', 'Read'), toolUse('b'), toolUse('c', 'Write')]), toolResult('a'), failed, refused, toolResult('a'), toolResult('unknown')]) {
    const line = Buffer.from(JSON.stringify(message));
    tracker.feed(line, peekMessage(line), 0);
  }
  expect(told).toEqual(['Read ok', 'Bash error', 'Write denied']);
});

test('a resumed process that first reports what its predecessor left behind has no result yet', () => {
  const { feed, ready, tracker } = tracked();
  feed(ended('t1', 'stopped'), session('running'), lifecycle('queued'), init, result({ result: '', num_turns: 0, origin: { kind: 'task-notification' } }));
  expect(tracker.lastResult).toBeUndefined();
  expect(ready()).toBe(false);
  feed(lifecycle('started'), init, result({ result: 'ok' }), lifecycle('completed'), session('idle'));
  expect(tracker.lastResult).toMatchObject({ result: 'ok' });
  expect(ready()).toBe(true);
});
