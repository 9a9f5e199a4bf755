// Which text of the answer is on the screen already, when the whole of it arrives.

const LONGEST_SEQUENCE = 32;

/** The end of a piece that is in the middle of a character, a line end or an escape sequence: it is shown with the next piece. */
function unfinishedEnd(piece: string): string {
  const escape = piece.lastIndexOf('\u001b');
  if (escape >= Math.max(0, piece.length - LONGEST_SEQUENCE) && /^[[\]()#;?0-9]*$/.test(piece.slice(escape + 1))) return piece.slice(escape);
  return /[\ud800-\udbff\r]$/.exec(piece)?.[0] ?? '';
}

/** Follows one text block after the other: the pieces as they stream, then the whole as the CLI repeats it. */
export class StreamedText {
  #shown = '';
  #held = '';

  /** A new block begins. */
  begin(): void {
    this.#shown = '';
    this.#held = '';
  }

  /** A piece arrived; returns what of it can be shown now. */
  add(piece: string): string {
    const ready = this.#held + piece;
    this.#held = unfinishedEnd(ready);
    const show = this.#held === '' ? ready : ready.slice(0, -this.#held.length);
    this.#shown += show;
    return show;
  }

  /**
   * The whole block arrived: what of it is still to be shown, and whether it has to begin again because what is shown is something else.
   * Undefined for a block without text.
   */
  complete(whole: string): { readonly text: string; readonly again: boolean } | undefined {
    const shown = this.#shown;
    this.begin();
    if (whole.trim() === '' && shown === '') return undefined;
    if (whole.startsWith(shown)) return { text: whole.slice(shown.length), again: false };
    return { text: whole, again: true };
  }

  /** A new answer begins, or none comes any more. True when text is on the screen that no whole block confirmed. */
  restart(): boolean {
    const orphaned = this.#shown !== '';
    this.begin();
    return orphaned;
  }
}
