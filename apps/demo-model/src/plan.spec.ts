// From a request to what is played: markers, faults, rounds, and the answer without a marker.
import { expect, test } from 'vitest';
import { knownMarkers } from './known-markers.js';
import type { Message, MessagesRequest } from './messages-request.js';
import { planFor } from './plan.js';
import type { Block, Reply } from './reply.js';

const bash = { name: 'Bash', input_schema: { type: 'object' } };
const schemaTool = { name: 'StructuredOutput', input_schema: { type: 'object', properties: { n: { type: 'integer', minimum: 4 } }, required: ['n'] } };

interface Turn {
  readonly round?: number;
  readonly results?: readonly string[];
  readonly isError?: boolean;
  readonly tools?: MessagesRequest['tools'];
  readonly last?: Message;
}

function plan(prompt: string, { round = 0, results = [], isError = false, tools = [bash], last }: Turn = {}) {
  const messages: Message[] = [
    { role: 'user', content: prompt },
    { role: 'system', content: ' - Primary working directory: /work space' },
  ];
  for (let index = 0; index < round; index += 1) {
    messages.push({ role: 'assistant', content: 'x' });
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: results[index] ?? 'ok', is_error: isError }] });
  }
  return planFor({ model: 'm', messages: last === undefined ? messages : [...messages, last], tools });
}

function textOf(reply: Reply): string {
  return reply.blocks.map((block) => (block.kind === 'text' ? block.pieces.join('') : '')).join('|');
}

function tool(reply: Reply): Extract<Block, { kind: 'tool' }> | undefined {
  return reply.blocks.find((block) => block.kind === 'tool');
}

test('text: n numbered words with a delay', () => {
  const { reply, scenario, fault } = plan('hi [[text n=3 delay=50]]');
  expect(reply).toEqual({ blocks: [{ kind: 'text', pieces: ['word-1', ' word-2', ' word-3'], delayMs: 50 }], stopReason: 'end_turn' });
  expect([scenario, fault]).toEqual(['text', undefined]);
});

test('think, slow, long, max_tokens, refusal', () => {
  expect(plan('[[think n=2]]').reply.blocks.map((block) => block.kind)).toEqual(['thinking', 'text']);
  expect(plan('[[slow n=2]]').reply.blocks).toMatchObject([{ delayMs: 1000, pieces: ['word-1', ' word-2'] }]);
  expect(Buffer.byteLength(textOf(plan('[[long kb=300]]').reply))).toBe(300 * 1024);
  expect(plan('[[max_tokens]]', { round: 3 }).reply.stopReason).toBe('max_tokens');
  expect(plan('[[refusal]]').reply).toEqual({ blocks: [], stopReason: 'refusal' });
});

test('emoji: every code point is a piece of its own', () => {
  const { blocks, splitBytes } = plan('[[emoji bytes=2]]').reply;
  expect(splitBytes).toBe(2);
  expect(blocks[0]).toMatchObject({ pieces: expect.arrayContaining(['👨', '\u200D', '🚀']) });
});

test('edit: Write, Read, Edit, Bash in the working directory, then the end', () => {
  const rounds = [0, 1, 2, 3, 4].map((round) => plan("[[edit path=it's.md]]", { round, results: ['', '', '', 'state: done'] }).reply);
  expect(rounds.map((reply) => tool(reply)?.name)).toEqual(['Write', 'Read', 'Edit', 'Bash', undefined]);
  expect(tool(rounds[0]!)?.input).toMatchObject({ file_path: "/work space/it's.md" });
  expect(tool(rounds[3]!)?.input).toMatchObject({ command: String.raw`cat 'it'\''s.md'` });
  expect(rounds.map((reply) => reply.stopReason)).toEqual(['tool_use', 'tool_use', 'tool_use', 'tool_use', 'end_turn']);
  expect(textOf(rounds[4]!)).toContain('state: done');
});

test('bash, write: one call, and a failed one is told as failed', () => {
  expect(tool(plan('[[bash cmd="echo \\"hi\\"" timeout=5]]').reply)?.input).toMatchObject({ command: 'echo "hi"', timeout: 5 });
  expect(textOf(plan('[[bash cmd=x]]', { round: 1, results: ['not allowed'], isError: true }).reply)).toBe('Demo model: the tool failed: not allowed');
  expect(String(tool(plan('[[write path=/abs/f kb=5]]').reply)?.input['content'])).toHaveLength(5 * 1024);
  expect(tool(plan('[[write path=/abs/f kb=5]]').reply)?.input['file_path']).toBe('/abs/f');
});

test('loop never ends, background ends in text', () => {
  expect(tool(plan('[[loop]]', { round: 500 }).reply)?.input['command']).toBe('echo round 500');
  expect(tool(plan('[[background seconds=2]]').reply)?.input).toMatchObject({ run_in_background: true });
  expect(plan('[[background seconds=2]]', { round: 1 }).reply.stopReason).toBe('end_turn');
});

test('schema: an input that fits, or one that never does', () => {
  const tools = [bash, schemaTool];
  expect(tool(plan('[[schema]]', { tools }).reply)).toMatchObject({ name: 'StructuredOutput', input: { n: 4 } });
  expect(tool(plan('[[schema]]', { tools, round: 1 }).reply)).toBeUndefined();
  expect(tool(plan('[[schema bad=1]]', { tools, round: 4, isError: true }).reply)?.input).toEqual({ n: { does_not: 'fit' } });
  expect(textOf(plan('[[schema]]').reply)).toContain('no structured output');
});

test('when the CLI insists on structured output, it gets it', () => {
  const last: Message = { role: 'user', content: '[structured-output-enforce] You MUST call' };
  expect(tool(plan('[[text n=1]]', { round: 1, tools: [schemaTool], last }).reply)?.name).toBe('StructuredOutput');
  expect(tool(plan('[[schema bad=1]]', { round: 1, tools: [schemaTool], last }).reply)?.input).toEqual({ n: { does_not: 'fit' } });
});

test('script: any sequence, with the working directory filled in', () => {
  const script = '[[script {"rounds":[{"delay":9,"blocks":[{"thinking":"hm"},{"tool":"Bash","input":{"command":"ls {{cwd}}","list":["{{cwd}}/a"]}}]},{"blocks":[{"text":"a b","delay":2}],"stop_reason":"max_tokens"},{"blocks":[]}]}]]';
  const first = plan(script).reply;
  expect(first).toMatchObject({ startDelayMs: 9, stopReason: 'tool_use' });
  expect(tool(first)?.input).toEqual({ command: 'ls /work space', list: ['/work space/a'] });
  expect(plan(script, { round: 1 }).reply).toMatchObject({ stopReason: 'max_tokens', blocks: [{ pieces: ['a ', 'b'], delayMs: 2 }] });
  expect(plan(script, { round: 2 }).reply.blocks).toEqual([]);
  expect(textOf(plan(script, { round: 3 }).reply)).toBe('The script is over.');
});

test.each([
  ['[[status status=529 fail=2 retry_after=1]]', { fault: { status: 529, type: 'overloaded_error', headers: { 'retry-after': '1' } }, fail: 2 }],
  ['[[status status=500 should_retry=false]]', { fault: { headers: { 'x-should-retry': 'false' } }, fail: undefined }],
  ['[[status kind=prompt_too_long]]', { fault: { status: 400, message: expect.stringMatching(/^prompt is too long: \d+ tokens > \d+ maximum/) } }],
  ['[[status kind=credit]]', { fault: { status: 400, message: expect.stringContaining('credit balance is too low') } }],
  ['[[status kind=model_not_found]]', { fault: { status: 404, type: 'not_found_error' } }],
  ['[[reset after=3 fail=1]]', { fault: { kind: 'reset', after: 3 }, fail: 1 }],
  ['[[stall after=2]]', { fault: { kind: 'stall', after: 2, pingMs: 0 } }],
  ['[[hang]]', { fault: { kind: 'hang' } }],
  ['[[sse_error]]', { fault: { kind: 'sse_error', after: 2 } }],
])('fault %s', (prompt, expected) => {
  expect(plan(prompt).fault).toMatchObject(expected);
});

test('a fault is added to what is answered, and may wait for a round', () => {
  const prompt = '[[status status=500 round=1]] [[bash cmd=x]]';
  expect([0, 1, 2].map((round) => plan(prompt, { round }).fault?.fault.kind)).toEqual([undefined, 'status', undefined]);
  expect(plan(prompt)).toMatchObject({ scenario: 'status+bash', reply: { stopReason: 'tool_use' } });
});

test.each([
  ['[[nope]]', '[[nope]]: there is no such marker'],
  ['[[text n=x]]', '[[text]]: n:'],
  ['[[text n=-1]]', '[[text]]: n:'],
  ['[[text m=1]]', '[[text]]: Unrecognized key'],
  ['[[long kb=99999999]]', '[[long]]: kb:'],
  ['[[bash]]', '[[bash]]: cmd:'],
  ['[[status]]', '[[status]]: status= or kind= is missing'],
  ['[[status status=200]]', '[[status]]: status:'],
  ['[[status status=500 x=1]]', '[[status]]: Unrecognized key'],
  ['[[script {"rounds":[]}]]', '[[script]]: rounds:'],
  ['[[script {"rounds":[{"blocks":[{"txt":1}]}]}]]', '[[script]]: rounds.0.blocks.0'],
  ['[[script {broken}]]', '[[script]]: its JSON is broken'],
  ['[[edit]] [[loop]]', 'only one marker per prompt'],
])('a bad marker is explained, with the list of all markers: %s', (prompt, problem) => {
  const { reply, scenario, fault } = plan(prompt);
  expect([scenario, fault, reply.stopReason]).toEqual(['bad_marker', undefined, 'end_turn']);
  expect(textOf(reply)).toContain(problem);
  for (const marker of knownMarkers.values()) expect(textOf(reply)).toContain(marker.usage);
});

test('every usage in the list can be played as it is written', () => {
  for (const marker of knownMarkers.values()) expect(plan(marker.usage).scenario).not.toBe('bad_marker');
});
