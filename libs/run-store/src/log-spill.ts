// Keeps the live log of a run in Redis below a limit: its oldest part moves to a file, which readers read first.
import { Readable } from 'node:stream';
import { parseEventId } from '@runyard/domain';
import type { Attempt, StoredEvent } from './answers.js';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import { partPath, writeLog } from './log-blob.js';
import { EVENT_BYTES } from './scripts/common.js';
import { readLog } from './scripts/read.js';
import { commitPart, lookAtLog } from './scripts/spill-log.js';
import type { LiveLog } from './scripts/spill-log.js';

/** Enough for nearly every run, and 32 of them in one GiB of Redis. */
export const DEFAULT_LIVE_LOG_BYTES = 32 * 1024 * 1024;

const PAGE_EVENTS = 1000;
/** A part is held in memory while it is written, and read from its beginning for each page. */
const PART_BYTES = 8 * 1024 * 1024;
/** A directory that could not be written is left alone for so long. */
const PAUSE_MS = 5000;

export interface LogSpillOptions {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly dataDir: string;
  readonly liveLogBytes: number;
  readonly onError: (error: Error) => void;
}

export class LogSpill {
  #notBeforeMs = 0;

  constructor(private readonly options: LogSpillOptions) {}

  /**
   * After an append that left so many bytes in the stream. Never fails: what cannot be moved stays in Redis for now. Two at once, or
   * an end at any point, leave at most a file that nobody reads.
   */
  async keepBelow(attempt: Attempt, bytes: number): Promise<void> {
    if (bytes <= this.options.liveLogBytes || performance.now() < this.#notBeforeMs) return;
    try {
      await this.spill(attempt);
    } catch (error) {
      this.#notBeforeMs = performance.now() + PAUSE_MS;
      this.options.onError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Moves the oldest events until about half of the limit is left. @throws an error of the file system or of Redis */
  async spill(attempt: Attempt): Promise<void> {
    const { connection, keys, liveLogBytes } = this.options;
    let log = await connection.run((redis) => lookAtLog(redis, keys, attempt));
    if (log === undefined || log.bytes <= liveLogBytes) return;
    while (log !== undefined && log.bytes > liveLogBytes / 2) log = await this.#movePart(attempt, log);
  }

  /** What is left in the stream; undefined when nothing could be moved. */
  async #movePart(attempt: Attempt, log: LiveLog): Promise<LiveLog | undefined> {
    const { connection, keys, dataDir, liveLogBytes } = this.options;
    const events = await this.#oldest(attempt.runId, log, Math.min(PART_BYTES, log.bytes - liveLogBytes / 2));
    const last = events.at(-1);
    if (last === undefined) return undefined;
    const bytes = events.reduce((sum, event) => sum + bytesOf(event), 0);
    const part = { number: log.parts + 1, lastId: last.id, bytes };
    await writeLog(Readable.from(events), partPath(dataDir, attempt.runId, part), 0);
    // Refused: the file stays where it is, because whoever was first may have given his the same name. Compaction removes it.
    if (!(await connection.run((redis) => commitPart(redis, keys, attempt, part)))) return undefined;
    return { ...log, parts: part.number, lastId: part.lastId, bytes: log.bytes - bytes };
  }

  /** At most about so many bytes, and never the last event. */
  async #oldest(runId: string, log: LiveLog, wantedBytes: number): Promise<StoredEvent[]> {
    const { connection, keys } = this.options;
    const events: StoredEvent[] = [];
    for (let after = log.lastId, bytes = 0; bytes < wantedBytes;) {
      const query = { after, limit: PAGE_EVENTS, deltas: true };
      const page = await connection.run((redis) => readLog(redis, keys, runId, query));
      if (page.kind !== 'page') return [];
      for (const event of page.events) {
        if (bytes >= wantedBytes || parseEventId(event.id)?.seq === log.lastSeq) return events;
        events.push(event);
        bytes += bytesOf(event);
      }
      after = page.cursor;
    }
    return events;
  }
}

function bytesOf({ data }: StoredEvent): number {
  return data.length + EVENT_BYTES;
}
