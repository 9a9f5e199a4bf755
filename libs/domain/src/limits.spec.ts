// Length in bytes: what the limits are counted in.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { utf8Bytes } from './limits.js';

test('counts what an encoder would write, also for halves of surrogate pairs', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))), (text) => {
      expect(utf8Bytes(text)).toBe(Buffer.byteLength(text, 'utf8'));
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['', 0],
  ['a', 1],
  ['é', 2],
  ['€', 3],
  ['😀', 4],
])('%j has %i bytes', (text, bytes) => {
  expect(utf8Bytes(text)).toBe(bytes);
});
