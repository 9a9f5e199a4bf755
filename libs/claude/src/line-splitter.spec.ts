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

test('a line over the limit is left out and counted; those around it are not', () => {
  expect(split([Buffer.from('one\n12345'), Buffer.from('6789\ntwo\n')], 8)).toEqual({ lines: [Buffer.from('one'), Buffer.from('two')], oversized: 1 });
  expect(split([Buffer.from('12345678\n')], 8).oversized).toBe(0);
});
