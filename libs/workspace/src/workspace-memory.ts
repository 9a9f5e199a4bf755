// The text of a workspace's CLAUDE.md files, for Claude's system prompt.
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isBelow } from './is-below.js';

/** The files that the CLI itself gives to Claude when it trusts a project (2.1.330), in its order. */
export const MEMORY_FILES = ['CLAUDE.md', '.claude/CLAUDE.md', 'CLAUDE.local.md'] as const;

/** How much of all files together is given, in bytes: every request to the model carries it. */
export const MEMORY_LIMIT_BYTES = 256 * 1024;

const INTRODUCTION = [
  'The directory that you work in comes with the instructions below. Follow them where they concern the task.',
  'Files that they name with @path are not included: read them when you need them.',
].join(' ');

/** The memory text, or undefined when there is none. `workspace` is a real path; files that lead out of it are left aside. */
export async function readMemory(workspace: string): Promise<string | undefined> {
  const parts: string[] = [];
  let left = MEMORY_LIMIT_BYTES;
  for (const name of MEMORY_FILES) {
    const file = await readRegularFile(workspace, name, left);
    if (file === undefined || file.text.trim() === '') continue;
    left -= Buffer.byteLength(file.text);
    parts.push(`Contents of ${name}:\n\n${file.text.trim()}${file.cut ? `\n\n[cut here: ${name} is longer]` : ''}`);
  }
  return parts.length === 0 ? undefined : [INTRODUCTION, ...parts].join('\n\n');
}

interface FileText {
  readonly text: string;
  readonly cut: boolean;
}

async function readRegularFile(workspace: string, name: string, limitBytes: number): Promise<FileText | undefined> {
  if (limitBytes <= 0) return undefined;
  try {
    const path = await realpath(join(workspace, name));
    if (!isBelow(workspace, path)) return undefined;
    // Non-blocking, because opening a named pipe would wait for a writer for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return undefined;
    const buffer = Buffer.alloc(limitBytes + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    const cut = bytesRead > limitBytes;
    const text = buffer.subarray(0, cut ? wholeCharacters(buffer, limitBytes) : bytesRead).toString('utf8');
    return { text, cut };
  } catch {
    return undefined; // not there, or not to be read: the run does not need it
  }
}

/** The largest length up to `end` that does not cut a character of UTF-8 in two. */
function wholeCharacters(buffer: Buffer, end: number): number {
  let length = end;
  while (length > 0 && ((buffer[length] ?? 0) & 0xc0) === 0x80) length -= 1;
  return length;
}
