import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from './lines.js';

async function split(pieces: readonly Uint8Array[]): Promise<string[]> {
  async function* chunks() {
    yield* pieces;
  }
  const lines: string[] = [];
  for await (const line of splitLines(chunks())) lines.push(Buffer.from(line).toString('latin1'));
  return lines;
}

test('the pieces in which bytes arrive do not change the lines', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 12 }).map((bytes) => bytes.map((byte) => (byte < 60 ? 10 : byte)))), async (pieces) => {
      const whole = Buffer.concat(pieces).toString('latin1');
      const expected = whole.split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(await split(pieces)).toEqual(expected);
    }),
  );
});

test('a line in 20,000 pieces is joined once', async () => {
  const pieces = Array.from({ length: 20_000 }, () => new Uint8Array(1000).fill(65));
  expect((await split([...pieces, new Uint8Array([10])])).map((line) => line.length)).toEqual([20_000_000]);
});
