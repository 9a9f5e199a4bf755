// Tables and lists of names and values for people.
import type { Paint } from './style.js';
import { oneLine, pad, textWidth, truncate, wrap } from './text.js';

export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  /** Gives colour to the text, which is cut and padded by then. */
  readonly paint?: (text: string, row: T) => string;
}

const GAP = '  ';

/** Rows below their titles; the last column is cut to what is left of `width` columns. Empty when there are no rows. */
export function renderTable<T>(columns: readonly Column<T>[], rows: readonly T[], { paint, width }: { paint: Paint; width: number }): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => columns.map((column) => oneLine(column.text(row))));
  const widths = columns.map((column, index) => Math.max(column.title.length, ...cells.map((row) => textWidth(row[index] ?? ''))));
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + GAP.length, 0);
  widths[widths.length - 1] = Math.max(columns.at(-1)?.title.length ?? 0, Math.min(widths.at(-1) ?? 0, width - before));
  const fit = (text: string, index: number): string => {
    const cut = truncate(text, widths[index] ?? 0);
    return index === columns.length - 1 ? cut : pad(cut, widths[index] ?? 0);
  };
  const lines = [
    paint('dim', columns.map((column, index) => fit(column.title, index)).join(GAP)),
    ...rows.map((row, y) => columns.map((column, x) => (column.paint ?? same)(fit(cells[y]?.[x] ?? '', x), row)).join(GAP)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** `name  value` lines; those without a value are left out. Values of several lines are indented, and those without colours wrapped at `width` columns. */
export function renderFields(fields: readonly (readonly [name: string, value: string | null | undefined])[], paint: Paint, width = Infinity): string {
  const present = fields.filter((field): field is readonly [string, string] => field[1] !== null && field[1] !== undefined && field[1] !== '');
  const names = Math.max(0, ...present.map(([name]) => name.length));
  const room = Math.max(20, width - names - GAP.length);
  const rows = (value: string): string[] => value.split('\n').flatMap((line) => (line.includes('\u001b') ? line : wrap(line, room)));
  return present.map(([name, value]) => `${paint('dim', name.padEnd(names))}${GAP}${rows(value).join(`\n${' '.repeat(names)}${GAP}`)}\n`).join('');
}

function same(text: string): string {
  return text;
}
