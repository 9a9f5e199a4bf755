// What the messages of an attempt prove, for every place where they may end.
import { describe, expect, test } from 'vitest';
import { RunFactsReader, runFactsOf } from './run-facts.js';

const line = (message: object) => Buffer.from(JSON.stringify(message));
const factsOf = (...messages: object[]) => runFactsOf(messages.map(line));
const usage = (input: number, output: number) => ({ input_tokens: input, output_tokens: output, cache_read_input_tokens: 1, cache_creation_input_tokens: 2 });
const answer = (id: string, content: object[], more: object = {}) => ({ type: 'assistant', message: { id, model: 'm', content, usage: usage(10, 1) }, parent_tool_use_id: null, ...more });
const text = { type: 'text', text: 'hi' };
const use = (id: string, name = 'Bash', input: object = { command: `do ${id}` }) => ({ type: 'tool_use', id, name, input });
const gate = (id: string, name = 'Bash', more: object = {}) => ({
  type: 'control_request',
  request_id: `gate-${id}`,
  request: { subtype: 'hook_callback', input: { tool_name: name, tool_input: { command: `do ${id}` }, tool_use_id: id, ...more } },
});
const done = (id: string, more: object = {}, meta: object = {}) => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: id, content: 'x', ...more }] },
  tool_result_meta: [{ id, ...meta }],
});
const result = { total_cost_usd: 1, subtype: 'success', type: 'result' };
const ids = (tools: readonly { id: string }[]) => tools.map(({ id }) => id);

test('nothing said: nothing answered, nothing changed', () => {
  expect(factsOf()).toMatchObject({ answered: false, released: [], completed: [], inFlight: [], changed: false, changingInFlight: [], lastResult: undefined });
  expect(factsOf({ type: 'system', subtype: 'init', model: 'claude-x' })).toMatchObject({ answered: false, model: 'claude-x' });
});

test('what the model asked for has not begun; at the gate it may have; with a result it is over', () => {
  const asked = [answer('a', [text, use('t')])];
  expect(factsOf(...asked)).toMatchObject({ answered: true, released: [], inFlight: [], changed: false });
  const released = factsOf(...asked, gate('t'));
  expect(released).toMatchObject({ changed: true, inFlight: [{ id: 't', name: 'Bash', input: { command: 'do t' } }], changingInFlight: [{ id: 't' }] });
  const over = factsOf(...asked, gate('t'), done('t'));
  expect(over).toMatchObject({ changed: true, completed: ['t'], inFlight: [], changingInFlight: [], lastCompleted: [{ id: 't', outcome: 'ok', description: 'Bash: do t' }] });
});

test('tools that only read change nothing, a subagent neither until one of its tools does', () => {
  const reading = factsOf(answer('a', [use('r', 'Read'), use('s', 'Task')]), gate('r', 'Read'), gate('s', 'Task'));
  expect(reading).toMatchObject({ changed: false, changingInFlight: [] });
  expect(ids(reading.inFlight)).toEqual(['r', 's']);
  const inner = factsOf(gate('s', 'Task'), gate('b', 'Bash', { agent_id: 'agent-1' }));
  expect(inner).toMatchObject({ changed: true, changingInFlight: [{ id: 'b', agentId: 'agent-1' }] });
  expect(factsOf(gate('m', 'mcp__files__read')).changed, 'a server may do anything').toBe(true);
  expect(factsOf(gate('n', 'ToolOfTomorrow')).changed).toBe(true);
});

test('a tool that was refused or withdrawn at the gate did not run', () => {
  const denied = { type: 'system', subtype: 'permission_denied', tool_use_id: 't' };
  expect(factsOf(gate('t'), denied, done('t', { is_error: true }, { non_execution_kind: 'user-rejected' }))).toMatchObject({ changed: false, inFlight: [], lastCompleted: [{ outcome: 'denied' }] });
  expect(factsOf(gate('t'), done('t', { is_error: true }, { non_execution_kind: 'permission-rule' }))).toMatchObject({ changed: false, lastCompleted: [{ outcome: 'denied' }] });
  expect(factsOf(gate('t'), { type: 'control_cancel_request', request_id: 'gate-t' })).toMatchObject({ changed: false, inFlight: [] });
});

test('a tool that an interrupt stopped while it ran has changed what it changed', () => {
  const stopped = factsOf(gate('t'), done('t', { is_error: true }, { non_execution_kind: 'user-rejected' }));
  expect(stopped).toMatchObject({ changed: true, inFlight: [], lastCompleted: [{ outcome: 'stopped' }] });
});

test('a result without a gate before it: the tool has worked all the same', () => {
  expect(factsOf(answer('a', [use('t')]), done('t'))).toMatchObject({ changed: true, released: [{ id: 't' }] });
  expect(factsOf(answer('a', [use('t')]), done('t', { is_error: true })).changed, 'refused before the gate').toBe(false);
});

test('a command in the background is in flight until its end is told, although it has a result', () => {
  const started = { type: 'system', subtype: 'task_started', task_id: 'b1', tool_use_id: 't', is_backgrounded: true, task_type: 'local_bash', description: 'd' };
  const list = (...tasks: string[]) => ({ type: 'system', subtype: 'background_tasks_changed', tasks: tasks.map((task_id) => ({ task_id, task_type: 'local_bash', description: 'd' })) });
  const begun = [gate('t'), list('b1'), started, done('t')];
  expect(factsOf(...begun)).toMatchObject({ inFlight: [], changingInFlight: [{ id: 't', name: 'Bash' }], inBackground: [{ id: 't' }] });
  expect(factsOf(gate('t'), list('b1')).changingInFlight, 'cut off before it was said whose task it is').toMatchObject([{ id: 't' }, { id: 'b1' }]);
  expect(factsOf(...begun, { type: 'system', subtype: 'task_notification', task_id: 'b1', status: 'completed' }).changingInFlight).toEqual([]);
  expect(factsOf(...begun, list()).changingInFlight).toEqual([]);
});

test('a subagent in the background is lost with the process, but changes nothing by itself', () => {
  const started = { type: 'system', subtype: 'task_started', task_id: 'a1', tool_use_id: 's', is_backgrounded: true, task_type: 'local_agent', description: 'look' };
  expect(factsOf(gate('s', 'Agent'), started, done('s'))).toMatchObject({ changingInFlight: [], inBackground: [{ id: 's', name: 'Agent' }] });
  expect(factsOf({ ...started, tool_use_id: undefined })).toMatchObject({ changingInFlight: [], inBackground: [{ id: 'a1', name: 'Task' }] });
});

test('of many completed tools the last five are described, in one line each', () => {
  const many = Array.from({ length: 9 }, (_, index) => [gate(`t${index}`), done(`t${index}`)]).flat();
  expect(ids(factsOf(...many).lastCompleted)).toEqual(['t4', 't5', 't6', 't7', 't8']);
  const long = factsOf({ ...gate('w', 'Bash'), request: { subtype: 'hook_callback', input: { tool_name: 'Bash', tool_use_id: 'w', tool_input: { command: `a\n\n${'é'.repeat(500)}` } } } }, done('w'));
  const description = long.lastCompleted[0]?.description ?? '';
  expect(description.startsWith('Bash: a é')).toBe(true);
  expect(Buffer.byteLength(description)).toBeLessThanOrEqual(200);
});

test('the CLI’s own words are no answer of the model; they tell the failure until the model answers', () => {
  const words = { type: 'assistant', message: { id: 'x', model: '<synthetic>', content: [text], usage: usage(0, 0) }, error: 'rate_limit', api_error_status: 429 };
  expect(factsOf(words)).toMatchObject({ answered: false, upstreamError: { errorClass: 'rate_limit', status: 429 } });
  expect(factsOf(words, answer('a', [text]))).toMatchObject({ answered: true, upstreamError: undefined });
});

test('the report of a resumed process about its predecessor is no result; one of a task after a turn is', () => {
  const ofTask = { ...result, origin: { kind: 'task-notification' } };
  expect(factsOf(ofTask).lastResult).toBeUndefined();
  expect(factsOf(ofTask, result).lastResult).toEqual(result);
  expect(factsOf(result, ofTask).lastResult).toEqual(ofTask);
});

describe('tools that the worker noted', () => {
  const noted = (...messages: object[]) => {
    const reader = new RunFactsReader([{ id: 't', name: 'Bash' }, { id: 'u', name: 'Write' }]);
    for (const message of messages) reader.feed(line(message));
    return reader.facts();
  };

  test('of which no message tells may have run, and are in flight: messages are lost', () => {
    const facts = noted(answer('a', [use('t')]), gate('t'), done('t'));
    expect(facts).toMatchObject({ changed: true, unlogged: [{ id: 'u', name: 'Write', input: {}, isInputLost: true }] });
    expect([ids(facts.released), ids(facts.inFlight), ids(facts.changingInFlight)]).toEqual([['t', 'u'], ['u'], ['u']]);
    expect(noted()).toMatchObject({ answered: false, changed: true, changingInFlight: [{ id: 't' }, { id: 'u' }] });
  });

  test('and that have their request in the messages are what the messages say', () => {
    const messages = [answer('a', [use('t'), use('u', 'Write')]), gate('t'), gate('u', 'Write'), done('t')];
    expect(noted(...messages)).toEqual(factsOf(...messages));
    expect(noted(...messages).unlogged).toEqual([]);
  });

  test('and whose request alone is lost: what the model asked for and what came of it still count', () => {
    const facts = noted(answer('a', [use('t'), use('u', 'Write')]), gate('u', 'Write'), done('u', { is_error: true }));
    expect(facts.changingInFlight).toEqual([{ id: 't', name: 'Bash', input: { command: 'do t' } }]);
    const over = noted(gate('u', 'Write'), done('t'), done('u'));
    expect([ids(over.unlogged), over.completed, over.inFlight]).toEqual([['t'], ['t', 'u'], []]);
    expect(over.lastCompleted).toMatchObject([{ id: 't', description: 'Bash', outcome: 'ok' }, { id: 'u' }]);
  });
});

test('garbage and messages of unexpected shape are harmless, and facts may be asked for at any time', () => {
  const reader = new RunFactsReader();
  reader.feed(Buffer.from('not json'));
  reader.feed(Buffer.from('{"type":"stream_event","event":{"type":"message_delta"'));
  for (const type of ['assistant', 'user', 'result', 'control_request', 'control_cancel_request', 'stream_event', 'of_tomorrow']) reader.feed(line({ type }));
  for (const subtype of ['task_started', 'task_notification', 'background_tasks_changed', 'permission_denied', 'init']) reader.feed(line({ type: 'system', subtype }));
  expect(reader.facts()).toMatchObject({ answered: false, inFlight: [], changed: false });
  reader.feed(line(gate('t')));
  expect(reader.facts().changed).toBe(true);
});
