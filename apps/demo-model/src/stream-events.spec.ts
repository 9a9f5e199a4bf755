// The stream tells the same as the whole message, in the order of the API.
import { expect, test } from 'vitest';
import { wholeMessage } from './message.js';
import { prose, reply, toolCall, words } from './reply.js';
import type { Reply } from './reply.js';
import { encodeEvent, streamEvents } from './stream-events.js';

const usage = { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 };
const head = { id: 'msg_demo1', model: 'some-model', usage };
const everything: Reply = reply(
  { kind: 'thinking', pieces: ['a ', 'b'], delayMs: 3 },
  prose('one two', 5),
  toolCall('Write', { file_path: '/x', content: `${'a'.repeat(1023)}🧀${'b'.repeat(3000)}` }),
);

function eventsOf(given: Reply) {
  return [...streamEvents(given, head, 42)];
}

test('the order of events is the one of the API', () => {
  const names = eventsOf(everything).map((event) => event.event);
  const block = (deltas: number): string[] => ['content_block_start', ...Array<string>(deltas).fill('content_block_delta'), 'content_block_stop'];
  expect(names).toEqual(['message_start', 'ping', ...block(3), ...block(2), ...block(4), 'message_delta', 'message_stop']);
});

test('the deltas add up to the whole message', () => {
  const content: Record<string, unknown>[] = [];
  for (const { data } of eventsOf(everything)) {
    const index = Number(data['index']);
    if (data['type'] === 'content_block_start') content[index] = { ...(data['content_block'] as object), json: '' };
    const block = content[index];
    const delta = (data['delta'] ?? {}) as Record<string, string>;
    if (block === undefined || data['type'] !== 'content_block_delta') continue;
    if (delta['type'] === 'text_delta') block['text'] = `${String(block['text'])}${delta['text']}`;
    if (delta['type'] === 'thinking_delta') block['thinking'] = `${String(block['thinking'])}${delta['thinking']}`;
    if (delta['type'] === 'signature_delta') block['signature'] = delta['signature'];
    if (delta['type'] === 'input_json_delta') block['json'] = `${String(block['json'])}${delta['partial_json']}`;
  }
  const joined = content.map(({ json, ...block }) => (json === '' ? block : { ...block, input: JSON.parse(String(json)) }));
  expect(joined).toEqual(wholeMessage(everything, head, 42).content);
});

test('the head echoes the model and the end carries stop reason and final usage', () => {
  const events = eventsOf(everything);
  expect(events[0]?.data).toMatchObject({ message: { id: 'msg_demo1', model: 'some-model', content: [], stop_reason: null, usage } });
  expect(events.at(-2)?.data).toMatchObject({ delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 42, input_tokens: 10 } });
  expect(wholeMessage(everything, head, 42)).toMatchObject({ stop_reason: 'tool_use', usage: { output_tokens: 42 } });
});

test('delays stand on the pieces, and only there', () => {
  const delays = eventsOf({ ...everything, startDelayMs: 7 }).map((event) => event.delayMs);
  expect(delays.filter((delay) => delay > 0)).toEqual([7, 3, 3, 5, 5]);
});

test('an event is two lines and an empty one, whatever its text holds', () => {
  const [, , , delta] = eventsOf(reply(prose('a\n\ndata: x\r')));
  const text = encodeEvent(delta ?? eventsOf(everything)[0]!).toString();
  expect(text).toMatch(/^event: content_block_delta\ndata: \{[^\n]*\}\n\n$/);
  expect(JSON.parse(text.split('data: ', 2)[1]?.split('\n')[0] ?? '{}').type).toBe('content_block_delta');
});

test.each(['', 'a', ' lead', 'one  two\n\nthree ', '\n'])('words lose nothing: %j', (text) => {
  expect(words(text).join('')).toBe(text);
});
