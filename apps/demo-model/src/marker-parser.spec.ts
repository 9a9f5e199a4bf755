// Markers are found where they are meant, and only there.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMarkers } from './marker-parser.js';

test.each([
  ['hello', []],
  ['', []],
  ['[[text]]', [{ name: 'text', args: {} }]],
  ['do [[text n=20 delay=50]] please', [{ name: 'text', args: { n: '20', delay: '50' } }]],
  ['[[write path=a/b-c.txt kb=3 ]]', [{ name: 'write', args: { path: 'a/b-c.txt', kb: '3' } }]],
  ['[[bash cmd="echo \\"a\\" ]] b"]]', [{ name: 'bash', args: { cmd: 'echo "a" ]] b' } }]],
  ['[[bash cmd="printf \'a\\nb\'"]]', [{ name: 'bash', args: { cmd: "printf 'a\\nb'" } }]],
  ['[[bash cmd="a\\\\b"]]', [{ name: 'bash', args: { cmd: 'a\\b' } }]],
  ['[[bash cmd=""]]', [{ name: 'bash', args: { cmd: '' } }]],
  ['[[bash\ncmd="two\nlines"\n]]', [{ name: 'bash', args: { cmd: 'two\nlines' } }]],
  ['[[hang]] and [[edit]]', [{ name: 'hang', args: {} }, { name: 'edit', args: {} }]],
  ['[[script {"rounds":[{"blocks":[["]]"]]}]}]] x', [{ name: 'script', args: { rounds: [{ blocks: [[']]']] }] } }]],
  ['[[script {"a":"{ \\" }"}]]', [{ name: 'script', args: { a: '{ " }' } }]],
])('%s', (text, expected) => {
  expect(parseMarkers(text)).toEqual(expected);
});

test.each(['if [[ -f x ]]; then', '[[Wiki Page]]', '[[1]]', '[text]', '[[text', '[[textx=1', 'a[[]]b', '[[-n]]'])('no marker in: %s', (text) => {
  expect(parseMarkers(text)).toEqual([]);
});

test.each([
  ['[[text n=]]', /cannot read from "n=\]\]"/],
  ['[[text n=1 n=2]]', /n is given twice/],
  ['[[text 20]]', /expected key=value/],
  ['[[bash cmd="open]]', /cannot read/],
  ['[[text n=20', /cannot read/],
  ['[[script {"a":1]]', /not closed/],
  ['[[script {"a":1} x]]', /not closed/],
  ['[[script {a:1}]]', /JSON is broken/],
])('a problem, not a guess: %s', (text, problem) => {
  expect(parseMarkers(text)).toEqual([{ name: expect.stringMatching(/^(text|bash|script)$/), problem: expect.stringMatching(problem) }]);
});

test('a marker within the arguments of another is not played', () => {
  expect(parseMarkers('[[bash cmd="echo [[loop]]"]]')).toEqual([{ name: 'bash', args: { cmd: 'echo [[loop]]' } }]);
});

test('any command survives quoting, any JSON object survives as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (command, around) => {
      const quoted = command.replaceAll(/["\\]/g, String.raw`\$&`);
      const text = `${around.replaceAll('[', '')}[[bash cmd="${quoted}"]]${around.replaceAll('[', '')}`;
      expect(parseMarkers(text)).toEqual([{ name: 'bash', args: { cmd: command } }]);
    }),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false })), (object) => {
      const json = JSON.stringify(object);
      expect(parseMarkers(`[[script ${json}]]`)).toEqual([{ name: 'script', args: JSON.parse(json) }]);
    }),
  );
});

test('values of megabytes are read, and hopeless texts are given up soon', () => {
  const count = 1_500_000;
  const quoted = parseMarkers(`[[bash cmd="${String.raw`a\"`.repeat(count)}"]]`)[0];
  const inJson = parseMarkers(`[[script {"cmd":"${String.raw`a\"`.repeat(count)}"}]]`)[0];
  const bare = parseMarkers(`[[bash cmd=${'ab'.repeat(count)}]]`)[0];
  // Compared here, so that a failure does not print megabytes.
  const commands = [quoted, inJson, bare].map((marker) => (marker !== undefined && 'args' in marker ? Object(marker.args).cmd : undefined));
  const expected = ['a"', 'a"', 'ab'].map((piece) => piece.repeat(count));
  expect(commands.map((command, index) => command === expected[index])).toEqual([true, true, true]);
  for (const piece of ['[[script {"', '[[text n="', '[[text ', '[[script {']) expect(parseMarkers(piece.repeat(100_000))).toHaveLength(1);
});

test('no text makes it throw', () => {
  const pieces = fc.array(fc.constantFrom('[[', ']]', 'text', ' ', 'n=', '1', '"', '\\', '{', '}', '[', '[[script {', '\n'), { maxLength: 30 });
  fc.assert(fc.property(pieces, (parts) => Array.isArray(parseMarkers(parts.join('')))));
});
