import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { oneLine, pad, textWidth, truncate, visible, wrap } from './text.js';

test.each([
  ['colours', '\u001b[31mred\u001b[0m', 'red'],
  ['a window title', '\u001b]0;owned\u0007x', 'x'],
  ['a link', '\u001b]8;;http://evil\u001b\\click\u001b]8;;\u001b\\', 'click'],
  ['eight-bit CSI', '\u009b31mred', 'red'],
  ['clearing the screen', 'a\u001b[2J\u001b[Hb', 'ab'],
  ['a lone escape', '\u001b', ''],
  ['bells and backspaces', 'a\u0007\u0008b\u007f', 'ab'],
  ['reversed direction', 'user\u202enimda', 'usernimda'],
  ['line ends', 'a\r\nb\rc\n', 'a\nb\nc\n'],
  ['tabs', 'a\tb', 'a    b'],
  ['a lone surrogate', 'a\ud800b', 'a\ufffdb'],
  ['a character set', '\u001b(Bx\u001b#8y', 'xy'],
  ['saving the cursor', '\u001b7x\u001b8\u001bcy', 'xy'],
  ['a device string', '\u001bPpayload\u001b\\x\u009dtitle\u009cy', 'xy'],
  ['colours with colons and a private mode', '\u001b[38:2:1:2:3mx\u001b[?25ly', 'xy'],
  ['an unclosed title', '\u001b]0;text that stays', '0;text that stays'],
  ['an unfinished sequence', 'x\u001b[31', 'x'],
  ['a sequence broken off by a line end', 'a\u001b[3\nb', 'a\nb'],
  ['ordinary text', 'Grüße 🚀 漢字 – ok\n', 'Grüße 🚀 漢字 – ok\n'],
])('%s: made harmless', (_, text, expected) => {
  expect(visible(text)).toBe(expected);
});

test('whatever is put in, nothing comes out that a terminal obeys', () => {
  const nasty = fc.array(fc.oneof(fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point)), fc.integer({ min: 0, max: 0x9f }).map((point) => String.fromCodePoint(point)), fc.constantFrom('\u001b', '[', ']', '0;', '31m', '\u009b', '\r', '\n', '\u0007', '\u202e')), { maxLength: 30 });
  fc.assert(
    fc.property(nasty, (parts) => {
      const shown = visible(parts.join(''));
      expect([...shown].filter((character) => character !== '\n' && /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(character))).toEqual([]);
      expect(shown.isWellFormed()).toBe(true);
    }),
  );
});

test.each([
  ['unclosed titles', '\u001b]', 300_000],
  ['unclosed titles with text', '\u001b]a;a', 100_000],
  ['parameters without end', '\u001b[;;;;', 100_000],
  ['titles that close each other', '\u001b]\u001b\\', 100_000],
])('a megabyte of %s takes no longer than it is', (_, part, times) => {
  // Quadratic work would take minutes here, and the time limit of the test would end it.
  expect(visible(part.repeat(times)).length).toBeLessThanOrEqual(part.length * times);
});

test('oneLine', () => {
  expect(oneLine('  a\n\n b\t\u001b[1mc ')).toBe('a b c');
});

test.each([
  ['abc', 3],
  ['é', 1],
  ['e\u0301', 1],
  ['漢字', 4],
  ['🚀', 2],
  ['👩‍👩‍👧', 2],
  ['●', 1],
  ['ｆｕｌｌ', 8],
  ['', 0],
])('width of %j is %i', (text, width) => {
  expect(textWidth(text)).toBe(width);
});

test('truncate keeps what fits and marks the cut', () => {
  expect(truncate('abcdef', 6)).toBe('abcdef');
  expect(truncate('abcdef', 5)).toBe('abcd…');
  expect(truncate('漢字漢字', 6)).toBe('漢字…');
  expect(truncate('ab cd', 4)).toBe('ab…');
});

test('pad counts columns, not characters', () => {
  expect(pad('漢', 4)).toBe('漢  ');
  expect(pad('abcde', 4)).toBe('abcde');
});

test.each([
  ['the quick brown fox', 10, ['the quick', 'brown fox']],
  ['the quick brown ', 9, ['the quick', 'brown ']],
  ['abcdefghij', 4, ['abcd', 'efgh', 'ij']],
  ['ab abcdefgh', 4, ['ab', 'abcd', 'efgh']],
  ['漢字漢字', 5, ['漢字', '漢字']],
  ['', 5, ['']],
])('wrap %j at %i', (line, width, rows) => {
  expect(wrap(line, width)).toEqual(rows);
});

test('a line given piece by piece makes the rows that it makes as a whole', () => {
  const pieces = fc.array(fc.stringMatching(/^[a-d漢🚀 ]{0,9}$/u));
  fc.assert(
    fc.property(pieces, fc.integer({ min: 3, max: 12 }), (parts, width) => {
      const rows: string[] = [];
      let row = '';
      for (const part of parts) {
        const wrapped = wrap(row + part, width);
        row = wrapped.pop() ?? '';
        rows.push(...wrapped);
      }
      const whole = parts.join('');
      expect([...rows, row]).toEqual(wrap(whole, width));
      for (const one of [...rows, row.trimEnd()]) expect(textWidth(one)).toBeLessThanOrEqual(width);
      expect([...rows, row].join('').replaceAll(' ', '')).toBe(whole.replaceAll(' ', ''));
    }),
    { numRuns: 500 },
  );
});
