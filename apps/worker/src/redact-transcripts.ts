// Takes a run's secrets out of what the CLI keeps of the conversation, before it goes to the data directory.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretRedactor } from './secret-redactor.js';

const NEWLINE = 0x0a;

/** Rewrites the transcripts and tool results below `configDir` that hold a secret. Call it when the CLI has ended. */
export async function redactTranscripts(configDir: string, redactor: SecretRedactor): Promise<void> {
  if (!redactor.active) return;
  const projects = join(configDir, 'projects');
  const entries = await readdir(projects, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path);
    const clean = path.endsWith('.jsonl') ? eachLine(content, (line) => redactor.line(line)) : redactor.whole(content);
    if (!clean.equals(content)) await writeFile(path, clean);
  }
}

function eachLine(content: Buffer, change: (line: Buffer) => Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let start = 0; start < content.length; ) {
    const newline = content.indexOf(NEWLINE, start);
    const end = newline === -1 ? content.length : newline;
    parts.push(change(content.subarray(start, end)), content.subarray(end, end + 1));
    start = end + 1;
  }
  return Buffer.concat(parts);
}
