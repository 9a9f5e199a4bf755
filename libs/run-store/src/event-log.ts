// Reading a run's events: from the stream while it lives, else from the finished blob.
import { parseEventId } from '@runyard/domain';
import type { EventPage, ReadEventsQuery, StoredEvent } from './answers.js';
import type { Connection } from './connection.js';
import { LogUnreadableError } from './errors.js';
import type { Keys } from './keys.js';
import { logPath, readBlob } from './log-blob.js';
import type { LogSource } from './log-blob.js';
import { PAGE_BYTES, readLog } from './scripts/read.js';
import type { LogPart, LogQuery } from './scripts/read.js';

export class EventLog {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    private readonly dataDir: string,
  ) {}

  /** One page as the script answers it. */
  part(runId: string, query: LogQuery): Promise<LogPart> {
    return this.connection.run((redis) => readLog(redis, this.keys, runId, query));
  }

  /** The finished log that `part` found. @throws LogUnreadableError when it is gone */
  blob(runId: string, blob: Buffer | 'file' | null, after: string): AsyncGenerator<StoredEvent> {
    if (blob === null) throw new LogUnreadableError(`the log of run ${runId} is not in Redis any more`);
    const source: LogSource = { runId, from: blob === 'file' ? logPath(this.dataDir, runId) : blob };
    return readBlob(source, after);
  }

  /** See RunStore.readEvents. */
  async page(runId: string, query: ReadEventsQuery): Promise<EventPage | undefined> {
    const events: StoredEvent[] = [];
    const deltas = query.deltas ?? true;
    for (let after = checkedId(query.after); ; ) {
      const part = await this.part(runId, { after, limit: query.limit - events.length, deltas });
      if (part.kind === 'unknown') return undefined;
      if (part.kind === 'blob') return this.#pageOfBlob(runId, part.blob, { after, limit: query.limit, events });
      events.push(...part.events);
      // A page of nothing but left-out events is not the end: without this the caller could not tell.
      if (part.state !== 'more' || events.length > 0) return { events, end: part.state === 'end' };
      after = part.cursor;
    }
  }

  async #pageOfBlob(runId: string, blob: Buffer | 'file' | null, so: { after: string; limit: number; events: StoredEvent[] }): Promise<EventPage> {
    const { events } = so;
    let bytes = 0;
    for await (const event of this.blob(runId, blob, so.after)) {
      if (events.length >= so.limit || bytes >= PAGE_BYTES) return { events, end: false };
      events.push(event);
      bytes += event.data.length;
    }
    return { events, end: true };
  }
}

/** '' for the beginning. @throws RangeError when it is no event id */
export function checkedId(after: string | undefined): string {
  if (after !== undefined && parseEventId(after) === undefined) throw new RangeError(`not an event id: ${after}`);
  return after ?? '';
}
