// Event data too large for Redis: a file of the run, with a small reference in its place. Who reads events never sees it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NewEvent, StoredEvent } from './answers.js';
import { writeDurably } from './durable-file.js';
import { runDirectory } from './log-blob.js';

/** What the CLI prints is nearly always smaller: it cuts the output of tools at some 100 KB. A script holds four of these at most. */
export const DEFAULT_INLINE_BYTES = 256 * 1024;

/** `<0x01><bytes> <name of the file>`: no JSON begins with this byte. The script that reads pages knows the form, too. */
const MARK = 1;
const REFERENCE = /^(\d{1,12}) (\d{1,10}-\d{1,16}-\d{1,4})$/;
const REFERENCE_MAX_BYTES = 64;

/** Which flush an event is in: the same flush that comes again writes the same files. */
export interface FlushId {
  readonly runId: string;
  readonly attempt: number;
  readonly flush: number;
}

export class LargeData {
  constructor(
    private readonly dataDir: string,
    private readonly inlineBytes: number,
    private readonly onError: (error: Error) => void,
  ) {}

  /**
   * The events as they go to Redis. The files are durable when this resolves. Data that cannot be written to a file goes to Redis as
   * it is: a full disk must not lose what Claude said.
   */
  async putAside({ runId, attempt, flush }: FlushId, events: readonly NewEvent[]): Promise<readonly NewEvent[]> {
    if (events.every(({ data }) => Buffer.byteLength(data) <= this.inlineBytes)) return events;
    const small: NewEvent[] = [];
    for (const [index, event] of events.entries()) {
      const bytes = Buffer.byteLength(event.data);
      const name = `${attempt}-${flush}-${index}`;
      const isAside = bytes > this.inlineBytes && (await this.#write(this.#path(runId, name), event.data));
      small.push(isAside ? { type: event.type, data: `${String.fromCodePoint(MARK)}${bytes} ${name}` } : event);
    }
    return small;
  }

  /** The event with the bytes that were appended; with a note in their place when their file is gone. */
  async whole(runId: string, event: StoredEvent): Promise<StoredEvent> {
    const { data } = event;
    if (data[0] !== MARK || data.length > REFERENCE_MAX_BYTES) return event;
    const [, bytes, name] = REFERENCE.exec(data.toString('latin1', 1)) ?? [];
    if (name === undefined) return event;
    const found = await readFile(this.#path(runId, name)).catch(() => undefined);
    return { ...event, data: found?.length === Number(bytes) ? found : noteFor(event.type, Number(bytes)) };
  }

  #path(runId: string, name: string): string {
    return join(runDirectory(this.dataDir, runId), 'lines', name);
  }

  async #write(path: string, data: Buffer | string): Promise<boolean> {
    try {
      await writeDurably(path, data);
      return true;
    } catch (error) {
      this.onError(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }
}

/** A line of the CLI stays one of its type, so that whoever reads it by its type goes on. */
function noteFor(type: string, bytes: number): Buffer {
  const head = type.startsWith('claude.') ? { type: type.slice('claude.'.length) } : {};
  return Buffer.from(JSON.stringify({ ...head, truncated: true, bytes }));
}
