// The answer without a marker, and the answers to requests the CLI makes for itself.
import { expect, test } from 'vitest';
import type { MessagesRequest } from './messages-request.js';
import { planFor } from './plan.js';
import type { Reply } from './reply.js';

function textOf(reply: Reply): string {
  return reply.blocks.map((block) => (block.kind === 'text' ? block.pieces.join('') : '')).join('');
}

function demo(over: Partial<MessagesRequest> = {}) {
  return planFor({ model: 'm', messages: [{ role: 'user', content: 'fix the bug' }], tools: [{ name: 'Bash' }], ...over });
}

const afterTool = (content: string, isError = false): MessagesRequest['messages'] => [
  { role: 'user', content: 'fix the bug' },
  { role: 'assistant', content: 'x' },
  { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content, is_error: isError }] },
];

test('it says first that it is not Claude, quotes the prompt, and only looks', () => {
  const { scenario, reply } = demo();
  expect(scenario).toBe('demo');
  expect(textOf(reply)).toMatch(/^This is the offline demo model of Runyard\. It is not Claude and no AI wrote this text/);
  expect(textOf(reply)).toContain('"fix the bug"');
  expect(reply.blocks[1]).toMatchObject({ kind: 'tool', name: 'Bash', input: { command: 'ls -p | head -n 20' } });
  expect(reply.blocks[0]).toMatchObject({ delayMs: 15 });
});

test('then it tells what the tool really said and how to get Claude', () => {
  const { reply } = demo({ messages: afterTool('README.md\nsrc/\n') });
  expect(textOf(reply)).toContain('2 entries, beginning with `README.md`, `src/`');
  expect(textOf(reply)).toMatch(/ANTHROPIC_API_KEY=.*`npm start` or `docker compose up`/);
  expect(reply.stopReason).toBe('end_turn');
  expect(textOf(demo({ messages: afterTool('(Bash completed with no output)') }).reply)).toContain('the workspace is empty');
  expect(textOf(demo({ messages: afterTool('denied', true) }).reply)).toContain('did not run the command');
});

test('without Bash it only talks; with a schema it gives structured output by itself', () => {
  expect(demo({ tools: [] }).reply.blocks.map((block) => block.kind)).toEqual(['text']);
  expect(textOf(demo({ tools: [] }).reply)).toMatch(/not Claude.*ANTHROPIC_API_KEY=/s);
  const tools = [{ name: 'StructuredOutput', input_schema: { type: 'object', properties: { a: { type: 'string' } } } }];
  expect(demo({ tools }).reply.blocks[1]).toMatchObject({ kind: 'tool', name: 'StructuredOutput', input: { a: 'demo' } });
});

test('a long prompt is quoted in part', () => {
  const { reply } = demo({ messages: [{ role: 'user', content: 'x'.repeat(100_000) }] });
  expect(textOf(reply).length).toBeLessThan(1000);
});

test('requests of the CLI for itself: titles and small JSON do not play the prompt they quote', () => {
  const messages: MessagesRequest['messages'] = [{ role: 'user', content: '<session>[[loop]]</session>' }];
  const title = demo({ tools: [], messages, system: 'Generate a concise title for this session.' });
  expect([title.scenario, textOf(title.reply)]).toEqual(['side', 'Offline demo']);
  const schema = { type: 'object', properties: { title: { type: 'string' } } };
  const json = demo({ tools: [], messages, output_config: { format: { type: 'json_schema', schema } } });
  expect([json.scenario, JSON.parse(textOf(json.reply))]).toEqual(['side', { title: 'demo' }]);
  const compaction = demo({ messages: [{ role: 'user', content: 'CRITICAL: Respond with TEXT ONLY. Do NOT call tools.' }] });
  expect(compaction.reply.blocks.map((block) => block.kind)).toEqual(['text']);
});

test('a conversation without tools still plays its markers', () => {
  expect(demo({ tools: [], messages: [{ role: 'user', content: '[[text n=1]]' }] }).scenario).toBe('text');
});
