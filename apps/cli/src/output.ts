// Results on stdout in the form that -o asks for.
import { Option } from 'commander';
import type { OutputStream } from './context.js';

export const OUTPUT_FORMATS = ['table', 'json', 'ndjson', 'id'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** The option -o. Without it each command prints what suits it best. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'form of the output').choices(OUTPUT_FORMATS);
}

/** One JSON value on one line. Characters that a terminal would obey are escaped, which JSON allows: the value stays the same. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Prints one thing: `table` as the given text, `json` indented, `ndjson` on one line, `id` alone. */
export function printOne(stdout: OutputStream, format: OutputFormat, value: object, { id, table }: { id: string; table: () => string }): void {
  if (format === 'json') stdout.write(`${toJson(value, 2)}\n`);
  else if (format === 'ndjson') stdout.write(`${toJson(value)}\n`);
  else if (format === 'id') stdout.write(`${id}\n`);
  else stdout.write(table());
}

/** Prints a list: `json` in the shape of the API, `{data, next_page}`. */
export function printMany<T extends { readonly id: string }>(stdout: OutputStream, format: OutputFormat, values: readonly T[], table: () => string): void {
  if (format === 'json') stdout.write(`${toJson({ data: values, next_page: null }, 2)}\n`);
  else if (format === 'ndjson') stdout.write(values.map((value) => `${toJson(value)}\n`).join(''));
  else if (format === 'id') stdout.write(values.map(({ id }) => `${id}\n`).join(''));
  else stdout.write(table());
}
