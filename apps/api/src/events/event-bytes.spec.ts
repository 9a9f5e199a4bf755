// Bytes on the wire: whatever a line holds, a reader gets the same value back.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventFrame, eventJson, eventListJson } from './event-bytes.js';
import { messageText } from './message-text.js';

const event = (data: string, type = 'claude.x') => ({ id: '1-2', ts: '2026-01-01T00:00:00.000Z', type, data: Buffer.from(data) });

/** What a browser makes of a frame: lines end at CR, LF or both; `data` lines are joined. */
function readFrame(frame: Buffer): { id: string; event: string; data: string } {
  const text = frame.toString('utf8');
  expect(text.endsWith('\n\n')).toBe(true);
  const lines = text.slice(0, -2).split(/\r\n|\r|\n/);
  const field = (name: string): string => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join('\n');
  expect(lines.every((line) => /^(id|event|data): /.test(line))).toBe(true);
  return { id: field('id'), event: field('event'), data: field('data') };
}

test('any JSON survives the frame, with any white space between its tokens', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 1, '\t', '  '), fc.constantFrom('\n', '\r', '\r\n'), (value, indent, newline) => {
      const line = JSON.stringify(value, undefined, indent).replaceAll('\n', newline);
      const frame = readFrame(eventFrame('run_1', event(line)));
      expect(frame).toMatchObject({ id: '1-2', event: 'claude.x' });
      expect((JSON.parse(frame.data) as { data: unknown }).data).toEqual(JSON.parse(line));
    }),
  );
});

test('a line without breaks is forwarded byte by byte', () => {
  const odd = Buffer.from([...Buffer.from('{ "a" :"\\u00e9 \\/ '), 0xf0, 0x9f, 0x98, 0x80, ...Buffer.from('", "n":1.0E+2, "n":1 }')]);
  const json = eventJson('run_1', { ...event(''), data: odd });
  expect(json.includes(odd)).toBe(true);
  expect(eventFrame('run_1', { ...event(''), data: odd }).includes(odd)).toBe(true);
});

test('a type cannot break out of its line', () => {
  const frame = readFrame(eventFrame('run_1', event('{}', 'claude.a\ndata: {"forged":true}\r\n\r\nid: 9-9')));
  expect(frame.id).toBe('1-2');
  expect(JSON.parse(frame.data)).toMatchObject({ id: '1-2', type: 'claude.a\ndata: {"forged":true}\r\n\r\nid: 9-9', data: {} });
});

test('a page is one JSON object', () => {
  expect(JSON.parse(eventListJson('run_1', [], null).toString())).toEqual({ data: [], next_page: null });
  const page = JSON.parse(eventListJson('run_1', [event('1'), event('"two"')], '1-2').toString()) as { data: { data: unknown }[]; next_page: string };
  expect(page.data.map((item) => item.data)).toEqual([1, 'two']);
  expect(page.next_page).toBe('1-2');
});

test.each([
  ['a text', '{"message":{"content":[{"type":"text","text":"hi"}]}}', 'hi'],
  ['two texts', '{"parent_tool_use_id":null,"message":{"content":[{"type":"text","text":"a"},{"type":"tool_use","name":"x"},{"type":"text","text":"b"}]}}', 'a\nb'],
  ['only a tool', '{"message":{"content":[{"type":"tool_use","name":"x"}]}}', undefined],
  ['blank text', '{"message":{"content":[{"type":"text","text":" \\n"}]}}', undefined],
  ['a text that is none', '{"message":{"content":[{"type":"text","text":5}]}}', undefined],
  ['a subagent', '{"parent_tool_use_id":"t","message":{"content":[{"type":"text","text":"hi"}]}}', undefined],
  ['another shape', '{"message":"hi"}', undefined],
  ['no JSON', '{', undefined],
])('the text of a message: %s', (_what, data, expected) => {
  expect(messageText(event(data, 'claude.assistant'))).toBe(expected);
});

test('only assistant lines have text', () => {
  expect(messageText(event('{"message":{"content":[{"type":"text","text":"hi"}]}}', 'claude.user'))).toBeUndefined();
});
