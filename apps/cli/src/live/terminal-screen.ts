// A terminal with a status line: whatever may still change is drawn again with each piece.
import type { OutputStream } from '../context.js';
import { wrap } from '../text.js';
import type { Screen } from './screen.js';

const CLEAR_BELOW = '\u001b[J';
const up = (rows: number): string => (rows > 0 ? `\u001b[${rows}A` : '');

/**
 * Keeps at most two rows that may change at the end of what is printed: the unfinished row of the text, and the status. They never fill
 * a row of the terminal, so moving the cursor up by their number is exact; all rows above them are final and belong to the scrollback.
 */
export class TerminalScreen implements Screen {
  readonly live = true;
  readonly #out: OutputStream;
  /** The unfinished row of the text; undefined when no text is open. */
  #row: string | undefined;
  #status = '';
  /** How many rows are drawn that may change; the cursor stands at the end of the last one. */
  #drawn = 0;

  constructor(out: OutputStream) {
    this.#out = out;
  }

  get width(): number {
    return Math.max(10, (this.#out.columns ?? 80) - 1);
  }

  line(text: string): void {
    this.#draw([...this.#finishRow(), text]);
  }

  text(piece: string): void {
    const lines = `${this.#row ?? ''}${piece}`.split('\n').flatMap((line) => wrap(line, this.width));
    this.#row = lines.pop() ?? '';
    // Spaces at the end may reach beyond the width and would cost a row.
    this.#draw(lines.map((row) => row.trimEnd()));
  }

  endText(): void {
    if (this.#row !== undefined) this.#draw(this.#finishRow());
  }

  status(line: string): void {
    if (line === this.#status) return;
    this.#status = line;
    this.#draw([]);
  }

  close(): void {
    this.#status = '';
    this.#draw(this.#finishRow());
  }

  #finishRow(): string[] {
    const row = this.#row?.trimEnd() ?? '';
    this.#row = undefined;
    return row === '' ? [] : [row];
  }

  #draw(final: readonly string[]): void {
    const changing = [...(this.#row === undefined ? [] : [this.#row.trimEnd()]), ...(this.#status === '' ? [] : [this.#status])];
    const clear = this.#drawn === 0 ? '' : `\r${up(this.#drawn - 1)}${CLEAR_BELOW}`;
    this.#out.write(`${clear}${final.map((row) => `${row}\n`).join('')}${changing.join('\n')}`);
    this.#drawn = changing.length;
  }
}
