// What is kept of a line that is too long for memory: its type, its size, its beginning and its end.
const HEAD = /^\{"type":"([A-Za-z0-9_.-]{1,100})"(?:,"subtype":"([A-Za-z0-9_.-]{1,100})")?/;

/** Bytes kept of the beginning, and of the end. */
export const ABRIDGED_BYTES = 32 * 1024;

/** Takes such a line piece by piece. */
export class AbridgedLine {
  readonly #head: Buffer;
  #tail: Buffer;
  #bytes: number;

  constructor(begun: Buffer) {
    this.#head = Buffer.from(begun.subarray(0, ABRIDGED_BYTES));
    this.#tail = Buffer.from(begun.subarray(Math.max(ABRIDGED_BYTES, begun.length - ABRIDGED_BYTES)));
    this.#bytes = begun.length;
  }

  add(piece: Buffer): void {
    this.#bytes += piece.length;
    this.#tail = Buffer.concat([this.#tail, piece]).subarray(-ABRIDGED_BYTES);
  }

  /** A message of the same type that says what it is, or the text with a gap when its type is not known. */
  end(): Buffer {
    const [, type, subtype] = HEAD.exec(this.#head.toString('latin1', 0, 340)) ?? [];
    const [head, tail] = [this.#head.toString('utf8'), this.#tail.toString('utf8')];
    if (type === undefined) return Buffer.from(`${head} [… ${this.#bytes - this.#head.length - this.#tail.length} bytes are left out …] ${tail}`);
    return Buffer.from(JSON.stringify({ type, ...(subtype === undefined ? {} : { subtype }), truncated: true, bytes: this.#bytes, head, tail }));
  }
}
