// Turns the bytes of stderr into text: whole lines where possible, and a bounded tail for the outcome.
import { StringDecoder } from 'node:string_decoder';

const MAX_TAIL_CHARACTERS = 64 * 1024;
const MAX_WAITING_CHARACTERS = 16 * 1024;

/** Collects stderr. Text is handed out in whole lines, or in pieces of 16 Ki characters when no line ends. */
export class StderrText {
  readonly #decoder = new StringDecoder('utf8');
  #waiting = '';
  #tail = '';

  /** The last 64 Ki characters of everything so far. */
  get tail(): string {
    return this.#tail;
  }

  /** Takes bytes; returns the text that may be shown now, or an empty string. */
  push(chunk: Buffer): string {
    return this.#take(this.#decoder.write(chunk), false);
  }

  /** What is left when the stream has ended. */
  end(): string {
    return this.#take(this.#decoder.end(), true);
  }

  #take(text: string, all: boolean): string {
    this.#tail = (this.#tail + text).slice(-MAX_TAIL_CHARACTERS);
    const waiting = this.#waiting + text;
    const cut = all || waiting.length > MAX_WAITING_CHARACTERS ? waiting.length : waiting.lastIndexOf('\n') + 1;
    this.#waiting = waiting.slice(cut);
    return waiting.slice(0, cut);
  }
}
