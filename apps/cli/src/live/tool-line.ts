// A tool call in one line: its name, and of its input what tells it from the next.
import { isAbsolute, relative } from 'node:path';
import { oneLine } from '../text.js';
import { number, object, objects, text } from './message.js';
import type { Loose } from './message.js';

export interface ToolLine {
  readonly name: string;
  readonly detail: string;
  /** `+3 −1` for a tool that changes a file, else empty. */
  readonly change: string;
}

// More fits on no screen; a command may have a megabyte.
const LONGEST_DETAIL = 2_000;
const LONGEST_NAME = 100;

/** What is shown of a tool call. `cwd` is the workspace; paths below it are shown from there. */
export function toolLine(name: string, input: unknown, cwd: string | undefined): ToolLine {
  const fields = object(input);
  const describe = DESCRIBE[name];
  const detail = describe ? describe(fields, (path) => shortPath(path, cwd)) : firstText(fields);
  return { name: oneLine(displayName(name)).slice(0, LONGEST_NAME), detail: oneLine((detail ?? '').slice(0, LONGEST_DETAIL)), change: changeOf(name, fields) };
}

type Shorten = (path: unknown) => string | undefined;

const DESCRIBE: Readonly<Record<string, (input: Loose, short: Shorten) => string | undefined>> = {
  Bash: (input) => `${text(input['command']) ?? ''}${input['run_in_background'] === true ? ' &' : ''}`,
  Read: (input, short) => `${short(input['file_path']) ?? ''}${lineRange(input)}`,
  Write: (input, short) => short(input['file_path']),
  Edit: (input, short) => short(input['file_path']),
  MultiEdit: (input, short) => short(input['file_path']),
  NotebookEdit: (input, short) => short(input['notebook_path']),
  Glob: (input, short) => joined(input['pattern'], input['path'] === undefined ? undefined : `in ${short(input['path'])}`),
  Grep: (input, short) => joined(input['pattern'], input['path'] === undefined ? input['glob'] : `in ${short(input['path'])}`),
  Task: (input) => joined(input['subagent_type'], input['description']),
  Agent: (input) => joined(input['subagent_type'], input['description']),
  WebFetch: (input) => text(input['url']),
  WebSearch: (input) => text(input['query']),
  Skill: (input) => text(input['skill']) ?? text(input['command']),
  TodoWrite: (input) => todoLine(input),
  StructuredOutput: () => '',
};

function displayName(name: string): string {
  const mcp = /^mcp__(.+?)__(.+)$/.exec(name);
  return mcp ? `${mcp[1]}:${mcp[2]}` : name;
}

function shortPath(path: unknown, cwd: string | undefined): string | undefined {
  const whole = text(path);
  if (whole === undefined || cwd === undefined || !isAbsolute(whole)) return whole;
  const below = relative(cwd, whole);
  if (below === '') return '.';
  return below.startsWith('..') ? whole : below;
}

function lineRange(input: Loose): string {
  const offset = number(input['offset']);
  const limit = number(input['limit']);
  if (offset === undefined && limit === undefined) return '';
  const from = offset ?? 1;
  return limit === undefined ? ` (from line ${from})` : ` (lines ${from}-${from + limit - 1})`;
}

function todoLine(input: Loose): string {
  const todos = objects(input['todos']);
  const done = todos.filter((todo) => todo['status'] === 'completed').length;
  const active = todos.find((todo) => todo['status'] === 'in_progress');
  return `${done}/${todos.length}${active ? ` ${text(active['content']) ?? ''}` : ''}`;
}

function joined(...parts: unknown[]): string {
  return parts.filter((part) => typeof part === 'string' && part !== '').join(' ');
}

function firstText(input: Loose): string | undefined {
  return Object.values(input).find((value): value is string => typeof value === 'string');
}

function changeOf(name: string, input: Loose): string {
  if (name === 'Write') return changed(lines(input['content']), 0);
  if (name === 'Edit') return changed(...diffSize(input));
  if (name !== 'MultiEdit') return '';
  const sizes = objects(input['edits']).map(diffSize);
  return changed(sizes.reduce((sum, [added]) => sum + added, 0), sizes.reduce((sum, [, removed]) => sum + removed, 0));
}

// Lines that are the same at the beginning and the end of both texts were only given to find the place.
function diffSize(edit: Loose): [added: number, removed: number] {
  const before = (text(edit['old_string']) ?? '').split('\n');
  const after = (text(edit['new_string']) ?? '').split('\n');
  const shorter = Math.min(before.length, after.length);
  let same = 0;
  while (same < shorter && before[same] === after[same]) same += 1;
  let sameEnd = 0;
  while (sameEnd < shorter - same && before.at(-1 - sameEnd) === after.at(-1 - sameEnd)) sameEnd += 1;
  return [after.length - same - sameEnd, before.length - same - sameEnd];
}

function lines(value: unknown): number {
  const content = text(value) ?? '';
  return content === '' ? 0 : content.split('\n').length - (content.endsWith('\n') ? 1 : 0);
}

function changed(added: number, removed: number): string {
  return [added > 0 ? `+${added}` : '', removed > 0 ? `−${removed}` : ''].filter((part) => part !== '').join(' ');
}
