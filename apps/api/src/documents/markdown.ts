// The little Markdown that generated pages need.

export const GENERATED = '<!-- Generated from the schemas by `npm run docs`. Change those, not this. -->';

/** One row of a table; pipes and line breaks in cells are made harmless. */
export function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')).join(' | ')} |`;
}

export function table(head: readonly string[], rows: readonly string[]): string {
  return [row(...head), row(...head.map(() => '---')), ...rows].join('\n');
}
