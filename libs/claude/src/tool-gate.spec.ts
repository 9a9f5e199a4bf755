// The messages of the gate, and that an open gate keeps a process open.
import { expect, test } from 'vitest';
import { peekMessage } from './message-peek.js';
import { gateAnswer, hookCallbackOf, initializeMessage, isInitializeAnswer } from './tool-gate.js';
import { TurnTracker } from './turns.js';

const callback = (id: string, more: object = {}) => ({
  type: 'control_request',
  request_id: id,
  request: { subtype: 'hook_callback', callback_id: 'gate', input: { tool_name: 'Bash', tool_input: { command: 'ls' }, tool_use_id: `use-${id}`, ...more }, tool_use_id: `use-${id}` },
});

function fed(tracker: TurnTracker, ...messages: object[]): void {
  for (const message of messages) {
    const line = Buffer.from(JSON.stringify(message));
    tracker.feed(line, peekMessage(line), 0);
  }
}

test('the gate stands before every tool, and its answer decides nothing', () => {
  expect(initializeMessage()).toMatchObject({ type: 'control_request', request: { subtype: 'initialize', hooks: { PreToolUse: [{ matcher: '*' }] } } });
  expect(gateAnswer('r')).toEqual({ type: 'control_response', response: { subtype: 'success', request_id: 'r', response: {} } });
});

test('a request at the gate is told from other requests', () => {
  expect(hookCallbackOf(callback('1'))).toEqual({ requestId: '1', toolName: 'Bash', toolUseId: 'use-1', input: { command: 'ls' } });
  expect(hookCallbackOf(callback('1', { agent_id: 'a1' }))?.agentId).toBe('a1');
  expect(hookCallbackOf({ type: 'control_request', request_id: 'p', request: { subtype: 'can_use_tool', tool_name: 'Bash' } })).toBeUndefined();
  expect(hookCallbackOf({ type: 'assistant', request_id: 'p', request: { subtype: 'hook_callback' } })).toBeUndefined();
  expect(hookCallbackOf({ type: 'control_request', request: { subtype: 'hook_callback' } })).toBeUndefined();
});

test('only the answer to our own initialize is hidden', () => {
  const { request_id } = initializeMessage() as { request_id: string };
  const answer = (id: string) => ({ type: 'control_response', response: { subtype: 'success', request_id: id, response: { commands: [] } } });
  expect(isInitializeAnswer(answer(request_id))).toBe(true);
  expect(isInitializeAnswer(answer('runyard-1'))).toBe(false);
  expect(isInitializeAnswer({ ...answer(request_id), type: 'control_request' })).toBe(false);
  expect(isInitializeAnswer({ type: 'control_response' })).toBe(false);
});

function waiting(...messages: object[]): TurnTracker {
  const tracker = new TurnTracker();
  tracker.sent('u');
  const finished = [{ is_error: false, subtype: 'success', type: 'result' }, { type: 'command_lifecycle', command_uuid: 'u', state: 'completed' }];
  fed(tracker, ...finished, ...messages);
  return tracker;
}

test('a tool that waits at the gate keeps the input open until it is answered or withdrawn', () => {
  expect(waiting().readyToClose(0)).toBe(true);
  const tracker = waiting(callback('1'), callback('2'));
  expect(tracker.pendingGates.map(({ toolUseId }) => toolUseId)).toEqual(['use-1', 'use-2']);
  tracker.gateAnswered('1');
  expect(tracker.readyToClose(0)).toBe(false);
  fed(tracker, { type: 'control_cancel_request', request_id: '2' });
  expect(tracker.pendingGates).toEqual([]);
  expect(tracker.readyToClose(0)).toBe(true);
});

test('a gate is over at the latest with the result of its tool, with the turn, or with the subagents', () => {
  const asked = { type: 'assistant', message: { content: [{ type: 'tool_use', id: 'use-1', name: 'Bash', input: {} }] }, parent_tool_use_id: null };
  const tracker = waiting(asked, callback('1'), callback('2'), callback('3', { agent_id: 'a' }));
  const open = () => tracker.pendingGates.map(({ requestId }) => requestId);
  fed(tracker, { type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: 'use-1', content: '' }] } });
  expect(open()).toEqual(['2', '3']);
  fed(tracker, { is_error: false, subtype: 'success', type: 'result' });
  expect(open(), 'a subagent outlives the turn').toEqual(['3']);
  fed(tracker, { type: 'system', subtype: 'background_tasks_changed', tasks: [{ task_id: 'a' }] });
  expect(open()).toEqual(['3']);
  fed(tracker, { type: 'system', subtype: 'background_tasks_changed', tasks: [] });
  expect(tracker.readyToClose(0)).toBe(true);
});
