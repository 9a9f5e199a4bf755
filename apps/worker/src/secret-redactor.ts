// Takes the values of a run's secrets out of everything that is written about the run.
import type { RunSecrets } from './run-secrets.js';

const REDACTED = '[redacted]';
/** Shorter values would blank out ordinary words. */
const SHORTEST = 8;
/** Lines of a value of several lines count by themselves when they are at least so long: tools number or indent them. */
const SHORTEST_LINE = 16;
/** A value within JSON within JSON within a line: a tool's JSON output in a message. */
const NESTING = 3;

/** Does nothing, and costs nothing, for a run without secrets. */
export class SecretRedactor {
  readonly #texts: readonly string[];
  readonly #bytes: readonly Buffer[];

  constructor(secrets: RunSecrets) {
    const values = [...secrets.values()].flatMap((value) => [value, ...linesOf(value)]).filter((value) => value.length >= SHORTEST);
    // Longest first, so that a value that contains another one goes as a whole.
    this.#texts = [...new Set(values.flatMap(writtenForms))].toSorted((a, b) => b.length - a.length);
    this.#bytes = this.#texts.map((text) => Buffer.from(text));
  }

  /** False when there is nothing to look for. */
  get active(): boolean {
    return this.#texts.length > 0;
  }

  text(text: string): string {
    return this.#texts.reduce((rest, form) => rest.replaceAll(form, REDACTED), text);
  }

  /** Bytes of any file; the same buffer when it has no secret, and bytes that are no text stay as they are. */
  whole(content: Buffer): Buffer {
    return this.#bytes.some((form) => content.includes(form)) ? Buffer.from(this.#latin1(content.toString('latin1')), 'latin1') : content;
  }

  /**
   * A line of JSON without the values; the same buffer when it has none. Only texts are changed, never the shape: a value that is
   * a number, a key or a word of the protocol cannot make the line unreadable.
   */
  line(line: Buffer): Buffer {
    if (!this.#bytes.some((form) => line.includes(form))) return line;
    try {
      const parsed: unknown = JSON.parse(line.toString('utf8'));
      return Buffer.from(JSON.stringify(this.#message(parsed)));
    } catch {
      return Buffer.from(this.text(line.toString('utf8')));
    }
  }

  /** One character is one byte here. */
  #latin1(text: string): string {
    return this.#bytes.reduce((rest, form) => rest.replaceAll(form.toString('latin1'), REDACTED), text);
  }

  /** The head of a message says what it is. */
  #message(value: unknown): unknown {
    const clean = this.#value(value);
    if (!isObject(value) || !isObject(clean)) return clean;
    const head = Object.fromEntries(['type', 'subtype'].filter((key) => key in value).map((key) => [key, value[key]]));
    return { ...clean, ...head };
  }

  #value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.#texts.includes(String(value)) ? REDACTED : value;
    if (Array.isArray(value)) return value.map((entry) => this.#value(entry));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [this.text(key), this.#value(entry)]));
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function linesOf(value: string): string[] {
  const lines = value.split(/[\r\n]+/).map((line) => line.trim());
  return lines.length === 1 ? [] : lines.filter((line) => line.length >= SHORTEST_LINE);
}

function writtenForms(value: string): string[] {
  const forms = [value];
  for (let depth = 0; depth < NESTING; depth += 1) forms.push(JSON.stringify(forms.at(-1)).slice(1, -1));
  return forms;
}
