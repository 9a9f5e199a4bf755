// Which entry of allowed_tools would have let a denied tool use pass. Pure.
import { textField } from './json-fields.js';
import type { Denial } from './denials.js';

const SHELL_SYNTAX = /[;&|<>`\n]|\$\(/;
const WRITES_OUTSIDE = / needs approval\. The path is outside /;
const READS_OUTSIDE = / in '(\/[^'()]+)' was blocked\. /;
const NEVER_BY_RULE = /cannot be auto-allowed/;
const MAX_SHOWN = 5;
const MAX_COMMAND_CHARACTERS = 200;

/**
 * The entry, or undefined when no entry would have helped. Each form was tried with the binary (2.1.330):
 * a simple command passes by its own text; one that reads outside the workspace needs a rule for the path; one that writes
 * there is not helped by a rule with its text, and a composed command is judged part by part: only `Bash` surely lets these pass.
 */
export function allowedToolsEntry(denial: Denial): string | undefined {
  if (NEVER_BY_RULE.test(denial.message)) return undefined;
  switch (denial.toolName) {
    case 'Bash':
      return bashEntry(textField(denial.input, 'command')?.trim() ?? '', denial.message);
    case 'WebFetch':
      return webFetchEntry(textField(denial.input, 'url') ?? '');
    default:
      return denial.toolName;
  }
}

/** One sentence or two about tool uses that wanted an answer: what was denied, and the entries that would have allowed it. */
export function describeDenials(denials: readonly Denial[]): string {
  const uses = unique(denials.map(describe));
  const entries = unique(denials.flatMap((denial) => allowedToolsEntry(denial) ?? []));
  const allowed = entries.length === 0 ? '' : ` Allowed by allowed_tools: ${entries.map((entry) => JSON.stringify(entry)).join(', ')}.`;
  const more = uses.length > MAX_SHOWN ? `, and ${uses.length - MAX_SHOWN} more` : '';
  return `Nobody could answer the permission request for ${uses.slice(0, MAX_SHOWN).join(', ')}${more}.${allowed}`;
}

function bashEntry(command: string, message: string): string {
  if (command === '' || SHELL_SYNTAX.test(command)) return 'Bash';
  const read = READS_OUTSIDE.exec(message)?.[1];
  if (read !== undefined) return `Read(/${read})`;
  return WRITES_OUTSIDE.test(message) ? 'Bash' : `Bash(${command})`;
}

function webFetchEntry(url: string): string {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  return host === '' ? 'WebFetch' : `WebFetch(domain:${host})`;
}

function describe({ toolName, input }: Denial): string {
  const what = ['command', 'file_path', 'notebook_path', 'path', 'url'].map((key) => textField(input, key)).find((value) => value !== undefined);
  if (what === undefined) return toolName;
  const shown = what.length > MAX_COMMAND_CHARACTERS ? `${what.slice(0, MAX_COMMAND_CHARACTERS)}…` : what;
  return `${toolName} (${shown})`;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
