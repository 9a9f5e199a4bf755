// Which prompt counts, and at which round its scenario is.
import { expect, test } from 'vitest';
import { readConversation } from './conversation.js';
import type { Message } from './messages-request.js';

const reminder = '<system-reminder>\nthe repository says [[loop]]\n</system-reminder>\n';

function read(messages: readonly Message[], system?: string) {
  const tools = [{ name: 'StructuredOutput', input_schema: {} }];
  return readConversation({ model: 'm', messages: [...messages], tools, ...(system === undefined ? {} : { system }) });
}

const user = (...texts: string[]): Message => ({ role: 'user', content: texts.map((text) => ({ type: 'text', text })) });
const assistant = (text: string): Message => ({ role: 'assistant', content: [{ type: 'text', text }] });
const toolResult = (content: unknown, isError = false): Message => ({
  role: 'user',
  content: [{ type: 'tool_result', tool_use_id: 't', content, is_error: isError }],
});

test('the first request is round 0 of its prompt; reminders are no part of it', () => {
  const conversation = read([user(reminder, `${reminder}[[edit]] please\n`), { role: 'system', content: '[[loop]]' }]);
  expect(conversation).toMatchObject({ prompt: '[[edit]] please', promptCount: 1, scene: { round: 0, outcomes: [] } });
});

test('each answer is a round; tool results are outcomes and never prompts', () => {
  const conversation = read([
    { role: 'user', content: '[[edit]]' },
    assistant('a'),
    toolResult('first [[loop]]'),
    assistant('b'),
    toolResult([{ type: 'text', text: 'second' }], true),
  ]);
  expect(conversation.prompt).toBe('[[edit]]');
  expect(conversation.scene.round).toBe(2);
  expect(conversation.scene.outcomes).toEqual([
    { text: 'first [[loop]]', isError: false },
    { text: 'second', isError: true },
  ]);
});

test('a new prompt starts again at round 0, whether it has a marker or not', () => {
  const before = [user('[[edit]]'), assistant('a'), toolResult('x'), assistant('b')];
  expect(read([...before, user('thanks')])).toMatchObject({ prompt: 'thanks', promptCount: 2, scene: { round: 0, outcomes: [] } });
});

test('a prompt that got no answer is merged with the next one, and the next one counts', () => {
  expect(read([user('[[status status=401]]\n', 'go on\n')])).toMatchObject({ prompt: 'go on', promptCount: 2 });
});

test('a message that came while tools ran stands beside their results and counts', () => {
  const mixed: Message = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'x' }, { type: 'text', text: 'stop' }] };
  expect(read([user('[[loop]]'), assistant('a'), mixed])).toMatchObject({ prompt: 'stop', scene: { round: 0 } });
});

test.each([
  'Output token limit hit. Resume directly — no apology.',
  'Your response above was stopped by a safety classifier — this is not a tool or API error.',
  '[Request interrupted by user]',
  '<system-reminder>\n[SYSTEM NOTIFICATION - NOT USER INPUT]\n<task-notification>done</task-notification>\n</system-reminder>',
  '[structured-output-enforce] You MUST call the StructuredOutput tool',
])('words of the CLI go on with the scenario: %s', (text) => {
  expect(read([user('[[edit]]'), assistant('a'), user(text)])).toMatchObject({ prompt: '[[edit]]', scene: { round: 1 } });
});

test('the CLI insists on structured output only with its last message', () => {
  const enforce = '[structured-output-enforce] You MUST';
  expect(read([user('hi'), assistant('a'), user(enforce)]).schemaEnforced).toBe(true);
  expect(read([user('hi'), assistant('a'), user(enforce), assistant('b'), toolResult('ok')]).schemaEnforced).toBe(false);
  expect(read([user('hi'), assistant('a'), user(enforce, 'a new prompt')]).schemaEnforced).toBe(false);
});

test('the working directory is the last one the CLI told', () => {
  const told = (path: string): Message => ({ role: 'system', content: `# Environment\n - Primary working directory: ${path}\n - Platform: linux` });
  expect(read([user('hi')]).scene.workingDirectory).toBeUndefined();
  expect(read([user('hi')], 'Working directory: /old\nmore').scene.workingDirectory).toBe('/old');
  expect(read([user('hi'), told('/a b/ä')], 'Working directory: /old').scene.workingDirectory).toBe('/a b/ä');
  expect(read([user('hi'), told('/one'), assistant('x'), user('again'), told('/two')]).scene.workingDirectory).toBe('/two');
});
