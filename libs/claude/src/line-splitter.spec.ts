import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './line-splitter.js';

function split(chunks: readonly Buffer[], maxLineBytes?: number): { lines: Buffer[]; oversized: number } {
  const splitter = new LineSplitter(maxLineBytes);
  const lines = [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
  return { lines, oversized: splitter.oversizedLines };
}

/** The same by splitting the whole at once, without any clever idea. */
function splitWhole(bytes: Buffer): Buffer[] {
  const lines = bytes.toString('latin1').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => Buffer.from(line.endsWith('\r') ? line.slice(0, -1) : line, 'latin1'));
}

const piece = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('\n', '\r\n', '\r', '', '{"a":"ü🙂"}\n', '🙂').map((text) => Buffer.from(text)),
);

test('any bytes in any pieces give the lines of the whole', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      expect(split(pieces).lines).toEqual(splitWhole(Buffer.concat(pieces)));
    }),
    { numRuns: 3_000 },
  );
});

test('a character cut in two by the pipe is whole again', () => {
  const text = '{"a":"🙂"}\n';
  const whole = Buffer.from(text);
  for (let cut = 1; cut < whole.length; cut += 1) {
    expect(split([whole.subarray(0, cut), whole.subarray(cut)]).lines.map(String)).toEqual(['{"a":"🙂"}']);
  }
});

test('CRLF, empty lines and a last line without newline', () => {
  expect(split([Buffer.from('a\r\n\n\r\nb\r\r\nc')]).lines.map(String)).toEqual(['a', '', '', 'b\r', 'c']);
});

test('broken UTF-8 comes out byte for byte', () => {
  const broken = Buffer.from([0xc3, 0x28, 0xff, 0x00, 0x0a, 0xed, 0xa0, 0x80]);
  expect(split([broken]).lines).toEqual([broken.subarray(0, 4), broken.subarray(5)]);
});

test('a line of 50 MB in pipe-sized pieces, and the line after it', () => {
  const block = Buffer.alloc(64 * 1024, 'x');
  const { lines } = split([...Array.from({ length: 800 }, () => block), Buffer.from('\nnext\n')]);
  expect(lines.map((line) => line.length)).toEqual([800 * 64 * 1024, 4]);
});

const LONG = 200_000;

test.each([500, 1000, 65_536, LONG * 2])('of a line over the limit, in pieces of %i bytes, type, size, beginning and end are kept; those around it are whole', (size) => {
  const long = `{"type":"user","subtype":"x","a":"${'ü'.repeat(LONG / 2)}","z":1}`;
  const all = Buffer.from(`one\n${long}\ntwo\n`);
  const pieces = Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.subarray(i * size, (i + 1) * size));
  const { lines, oversized } = split(pieces, 150_000);
  expect(oversized).toBe(1);
  expect([lines[0], lines[2]].map(String)).toEqual(['one', 'two']);
  const { head, tail, ...rest } = JSON.parse(String(lines[1])) as Record<string, string>;
  expect(rest).toEqual({ type: 'user', subtype: 'x', truncated: true, bytes: Buffer.byteLength(long) });
  expect(long.startsWith(head?.slice(0, -1) ?? 'missing')).toBe(true);
  expect(long.endsWith(tail?.slice(1) ?? 'missing')).toBe(true);
  expect(Buffer.byteLength(head ?? '')).toBeGreaterThan(32_000);
  expect(Buffer.byteLength(tail ?? '')).toBeGreaterThan(32_000);
});

test('one that is no message stays text, with a word about the gap', () => {
  const { lines } = split([Buffer.from(`${'a'.repeat(LONG)}b\n`)], 100_000);
  expect(String(lines[0])).toMatch(/^a+ \[… 134465 bytes are left out …\] a+b$/);
  expect(split([Buffer.from('12345678\n')], 8)).toEqual({ lines: [Buffer.from('12345678')], oversized: 0 });
});
