// Where the live view is drawn: a terminal with a status line below the text, or plain lines anywhere else.
import type { Environment } from '@runyard/config';
import type { OutputStream } from '../context.js';
import { TerminalScreen } from './terminal-screen.js';

export interface Screen {
  /** True when text may be shown as it streams. */
  readonly live: boolean;
  /** Columns that a line may take. */
  readonly width: number;
  /** A whole line, below what is there. */
  line(text: string): void;
  /** A piece of text that goes on with the next piece. */
  text(piece: string): void;
  /** The text is complete. Without effect when none is open. */
  endText(): void;
  /** What is shown below everything until the next call; it must fit into `width`. */
  status(line: string): void;
  /** Takes the status away and ends an open text. */
  close(): void;
}

/** A screen on `out`: with a status line where that is a terminal that can move its cursor. */
export function createScreen(out: OutputStream, { TERM }: Environment): Screen {
  const terminal = out.isTTY === true && TERM !== 'dumb' && (out.columns ?? 0) >= 20;
  return terminal ? new TerminalScreen(out) : new PlainScreen(out);
}

class PlainScreen implements Screen {
  readonly live = false;
  readonly width = 80;
  readonly #out: OutputStream;
  #open = false;

  constructor(out: OutputStream) {
    this.#out = out;
  }

  line(text: string): void {
    this.endText();
    this.#out.write(`${text}\n`);
  }

  text(piece: string): void {
    this.#out.write(piece);
    this.#open = !piece.endsWith('\n');
  }

  endText(): void {
    if (this.#open) this.#out.write('\n');
    this.#open = false;
  }

  status(): void {}

  close(): void {
    this.endText();
  }
}
