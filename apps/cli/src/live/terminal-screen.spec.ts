import { Writable } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { textWidth, wrap } from '../text.js';
import { TerminalScreen } from './terminal-screen.js';

const ESC = '\u001b';
const PARTS = new RegExp(`${ESC}\\[\\d*[A-Z]|[\\r\\n]|[^${ESC}\\r\\n]+`, 'g');
const UP = new RegExp(`^${ESC}\\[(\\d+)A$`);

/** Obeys the few commands that the screen uses, as a terminal of `columns` does, and fails on any other. */
class FakeTerminal extends Writable {
  readonly columns: number;
  #rows: string[] = [''];
  #y = 0;
  #atStart = false;

  constructor(columns: number) {
    super();
    this.columns = columns;
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    for (const [part] of chunk.toString().matchAll(PARTS)) this.#obey(part);
    done();
  }

  #obey(part: string): void {
    const up = UP.exec(part);
    if (part === '\n') {
      this.#y += 1;
      this.#rows[this.#y] ??= '';
      this.#atStart = false;
    } else if (part === '\r') this.#atStart = true;
    else if (up) this.#y -= Number(up[1]);
    else if (part === `${ESC}[J`) this.#rows = [...this.#rows.slice(0, this.#y), ''];
    else {
      expect(part).not.toMatch(/\p{Cc}/u);
      this.#rows[this.#y] = (this.#atStart ? '' : (this.#rows[this.#y] ?? '')) + part;
      this.#atStart = false;
      expect(textWidth(this.#rows[this.#y] ?? '')).toBeLessThan(this.columns);
    }
    expect(this.#y).toBeGreaterThanOrEqual(0);
  }

  get rows(): string[] {
    return this.#rows.at(-1) === '' ? this.#rows.slice(0, -1) : [...this.#rows];
  }
}

test('text grows above the status, lines go above both', () => {
  const terminal = new FakeTerminal(40);
  const screen = new TerminalScreen(terminal);
  screen.status('0:01');
  screen.line('● Bash ls');
  screen.text('Hello wo');
  screen.status('0:02');
  expect(terminal.rows).toEqual(['● Bash ls', 'Hello wo', '0:02']);
  screen.text('rld\nnext');
  expect(terminal.rows).toEqual(['● Bash ls', 'Hello world', 'next', '0:02']);
  screen.line('a remark');
  expect(terminal.rows).toEqual(['● Bash ls', 'Hello world', 'next', 'a remark', '0:02']);
  screen.close();
  expect(terminal.rows).toEqual(['● Bash ls', 'Hello world', 'next', 'a remark']);
});

test('spaces at the end of a full row cost no row of their own', () => {
  const terminal = new FakeTerminal(6);
  const screen = new TerminalScreen(terminal);
  screen.text('abcde   \nf');
  screen.close();
  expect(terminal.rows).toEqual(['abcde', 'f']);
});

test('whatever the pieces, the text stands there as it would in one piece, and the status once below it', () => {
  const step = fc.oneof(
    fc.record({ text: fc.stringMatching(/^[ab漢 \n]{0,12}$/u) }),
    fc.record({ line: fc.stringMatching(/^[xy]{1,10}$/) }),
    fc.record({ status: fc.stringMatching(/^[st]{1,10}$/) }),
    fc.constant({ end: true }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const terminal = new FakeTerminal(14);
      const screen = new TerminalScreen(terminal);
      const expected: string[] = [];
      let open = '';
      let status = '';
      const finish = (): void => {
        const lines = open.split('\n').flatMap((line) => wrap(line, 13).map((row) => row.trimEnd()));
        if (lines.at(-1) === '') lines.pop();
        expected.push(...lines);
        open = '';
      };
      for (const one of steps) {
        if ('text' in one) {
          screen.text(one.text);
          open += one.text;
        } else if ('line' in one) {
          screen.line(one.line);
          finish();
          expected.push(one.line);
        } else if ('status' in one) {
          screen.status(one.status);
          ({ status } = one);
        } else {
          screen.endText();
          finish();
        }
        if (status !== '') expect(terminal.rows.at(-1)).toBe(status);
      }
      screen.close();
      finish();
      expect(terminal.rows.map((row) => row.trimEnd()).join('\n').trimEnd()).toBe(expected.join('\n').trimEnd());
    }),
    { numRuns: 1000 },
  );
});
