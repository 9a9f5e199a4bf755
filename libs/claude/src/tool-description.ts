// Tools and their inputs in few words, for people and for the model. Pure.
import { textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

const MAX_BYTES = 200;
/** What a tool works on, most telling first. */
const SUBJECTS = ['command', 'file_path', 'notebook_path', 'path', 'url', 'pattern', 'query', 'skill', 'description', 'prompt'];

/** One line of at most 200 bytes, such as `Bash: npm test`. */
export function describeTool({ name, input }: { readonly name: string; readonly input: JsonObject }): string {
  const subject = SUBJECTS.map((key) => textField(input, key)).find((text) => text !== undefined && text.trim() !== '');
  const what = subject ?? (Object.keys(input).length === 0 ? '' : JSON.stringify(input));
  const line = what === '' ? name : `${name}: ${what}`;
  return shorten(line.replaceAll(/\s+/g, ' ').trim(), MAX_BYTES);
}

/** At most so many bytes of UTF-8; what is cut off is shown by an ellipsis. No character is split. */
export function shorten(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= maxBytes) return text;
  let end = Math.max(0, maxBytes - Buffer.byteLength('…'));
  // The continuation bytes of UTF-8 are 10xxxxxx.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
}
