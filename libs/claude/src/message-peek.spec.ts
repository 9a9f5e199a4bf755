import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMessage, peekMessage } from './message-peek.js';

const peek = (text: string) => peekMessage(Buffer.from(text));

test.each([
  ['{"type":"stream_event","event":{"type":"content_block_delta"}}', 'stream_event', undefined, false],
  ['{"type":"system","subtype":"init","cwd":"/x"}', 'system', 'init', false],
  ['{"type":"control_request","request_id":"1","request":{"subtype":"can_use_tool"}}', 'control_request', undefined, false],
  ['{"type":"keep_alive"}', 'keep_alive', undefined, false],
  ['{"type":"a_type_of_tomorrow","x":1}', 'a_type_of_tomorrow', undefined, false],
  ['{"is_error":false,"usage":{"type":"x"},"subtype":"success","type":"result"}', 'result', 'success', true],
  ['{"type":"system","uuid":"1","subtype":"status"}', 'system', 'status', true],
  [' { "type" : "assistant" } ', 'assistant', undefined, true],
  [String.raw`{"type":"\u0061ssistant"}`, 'assistant', undefined, true],
])('%s', (line, type, subtype, parsed) => {
  const found = peek(line);
  expect(found).toMatchObject({ kind: 'message', type, subtype });
  expect(found.kind === 'message' && found.parsed !== undefined).toBe(parsed);
});

test.each([
  'plain text',
  '"type"',
  '[{"type":"assistant"}]',
  'null',
  '{"no":"type"}',
  '{"type":1}',
  '{"type":"with spaces and\\nnewline"}',
  '{"type":""}',
  '{"type":"assistant","message":{"con',
  '{"message":{"type":"assistant"},"text":"\\"type\\":\\"assistant\\""}',
  '{"text":"{\\"type\\":\\"result\\"}"}',
  'x{"type":"assistant"}',
])('garbage: %s', (line) => {
  expect(peek(line)).toEqual({ kind: 'garbage' });
});

test('the peek agrees with the parser on any object, whatever its values say about types', () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('type', '"type":"x"', '{"type":"result"}', '\\', '"'));
  const object = fc.array(fc.tuple(fc.oneof(fc.string(), fc.constantFrom('type', 'subtype', 'message')), value), { maxLength: 6 }).map((pairs) => Object.fromEntries(pairs));
  const types = fc.constantFrom('assistant', 'system', 'result', 'user');
  // `type` first, as nearly always, or wherever the other keys leave it.
  const named = fc.tuple(object, types, fc.boolean()).map(([rest, type, first]): { type: string; subtype?: unknown } => (first ? Object.assign({ type }, rest, { type }) : { ...rest, type }));
  fc.assert(
    fc.property(named, (message) => {
      const line = Buffer.from(JSON.stringify(message));
      const found = peekMessage(line);
      const subtype = message.subtype;
      expect(found).toMatchObject({ kind: 'message', type: message.type });
      expect(parseMessage(line, found)).toEqual(JSON.parse(JSON.stringify(message)));
      if (['system', 'result'].includes(message.type)) expect(found).toHaveProperty('subtype', typeof subtype === 'string' ? subtype : undefined);
    }),
    { numRuns: 2_000 },
  );
});
