// Values of a label that come from outside: so many are told apart, the rest is one.

const OTHER = 'other';
const LONGEST = 64;

/** Every value of a label is a series of its own for ever: this keeps the first `most` values apart and calls the others `other`. */
export class BoundedLabel {
  readonly #known = new Set<string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** The value to use for `value`: itself, or `other` when there are too many, or when it is no name. */
  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#most || value.length > LONGEST || !/^[\w.:@/+()[\]-]+$/.test(value)) return OTHER;
    this.#known.add(value);
    return value;
  }
}
