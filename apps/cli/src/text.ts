// Text of a run on its way to a terminal: made harmless, measured, cut and wrapped.
import { stripEscapeSequences } from './escape-sequences.js';

// Control characters but the newline, and the marks that turn the direction of what follows.
const HARMFUL = /(?!\n)[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * The text without anything that a terminal obeys: escape sequences, control characters, direction marks. Newlines stay, a carriage
 * return becomes one, tabs become spaces. Safe piece by piece: of a sequence that is cut in two, what is left is plain text.
 */
export function visible(text: string): string {
  return stripEscapeSequences(text).replaceAll(/\r\n?/g, '\n').replaceAll('\t', '    ').replaceAll(HARMFUL, '').toWellFormed();
}

/** The text on one line, made harmless. */
export function oneLine(text: string): string {
  return visible(text).replaceAll(/\s+/g, ' ').trim();
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The user-perceived characters of a text. */
export function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

const NO_WIDTH = /^[\p{Mark}\p{Cf}]+$/u;
const WIDE = /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** How many columns of a terminal a text of one line takes. */
export function textWidth(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let width = 0;
  for (const grapheme of graphemes(text)) width += graphemeWidth(grapheme);
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (NO_WIDTH.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** The beginning of a line, at most `width` columns wide, with an ellipsis when something is left out. */
export function truncate(line: string, width: number): string {
  if (textWidth(line) <= width) return line;
  let cut = '';
  let used = 1;
  for (const grapheme of graphemes(line)) {
    used += graphemeWidth(grapheme);
    if (used > width) break;
    cut += grapheme;
  }
  return `${cut.trimEnd()}…`;
}

/**
 * The rows that a line takes when it is broken at spaces, and inside a word only where that is wider than a row. The last row keeps the
 * spaces at its end, even beyond the width, so that a line may be given piece by piece: last row and next piece make the same rows.
 */
export function wrap(line: string, width: number): string[] {
  if (textWidth(line) <= width) return [line];
  const rows: string[] = [];
  let row = '';
  let used = 0;
  const finish = (): void => {
    rows.push(row.trimEnd());
    row = '';
    used = 0;
  };
  for (const word of line.split(/(?<= )(?=[^ ])/)) {
    if (used > 0 && used + textWidth(word.trimEnd()) > width) finish();
    for (const grapheme of graphemes(word)) {
      const wide = graphemeWidth(grapheme);
      if (grapheme !== ' ' && used + wide > width) finish();
      row += grapheme;
      used += wide;
    }
  }
  rows.push(row);
  return rows;
}

/** The text padded with spaces to `width` columns. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}
