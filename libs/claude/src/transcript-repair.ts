// Makes the end of a transcript whole again after a process was killed while it wrote.
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/**
 * Cuts off trailing lines that are no JSON, and ends the last one with a newline: the CLI reads past a torn line, but would
 * append its next entry to it. The size of the file does not matter; only its last lines are read.
 */
export async function repairTranscript(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    let end = (await file.stat()).size;
    while (end > 0) {
      const line = await lastLine(file, end);
      if (isJson(line.text)) {
        if (!line.ended) await file.write('\n', end);
        break;
      }
      end = line.start;
      await file.truncate(end);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

interface LastLine {
  readonly start: number;
  readonly text: string;
  readonly ended: boolean;
}

/** The line that ends at byte `end`, found by reading backwards. */
async function lastLine(file: FileHandle, end: number): Promise<LastLine> {
  let bytes = Buffer.alloc(0);
  for (let start = end; start > 0;) {
    // Twice as much each time: a line of many megabytes is not copied once per block.
    const length = Math.min(Math.max(BLOCK_BYTES, bytes.length), start);
    start -= length;
    const block = Buffer.alloc(length);
    await file.read(block, 0, length, start);
    bytes = Buffer.concat([block, bytes]);
    const newline = bytes.subarray(0, -1).lastIndexOf(NEWLINE);
    if (newline !== -1) return describe(start + newline + 1, bytes.subarray(newline + 1));
  }
  return describe(0, bytes);
}

function describe(start: number, bytes: Buffer): LastLine {
  const ended = bytes.at(-1) === NEWLINE;
  return { start, ended, text: (ended ? bytes.subarray(0, -1) : bytes).toString('utf8') };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
