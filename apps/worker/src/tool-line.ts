// A tool and what it was about to do, on one short line for people.
import type { ReleasedTool } from '@runyard/claude';

const MAX_CHARACTERS = 160;
const TELLING = ['command', 'file_path', 'path', 'url', 'description', 'prompt'];

/** Such as `Bash: make deploy`. */
export function toolLine({ name, input }: Pick<ReleasedTool, 'name' | 'input'>): string {
  const telling = TELLING.map((field) => input[field]).find((value) => typeof value === 'string');
  const line = `${name}: ${telling ?? JSON.stringify(input)}`.replaceAll(/\s+/g, ' ');
  return line.length <= MAX_CHARACTERS ? line : `${line.slice(0, MAX_CHARACTERS)}…`;
}
