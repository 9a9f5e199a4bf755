// Reading a run's events: from the parts and the stream while it lives, else from the finished blob.
import { DELTA_EVENT_TYPE, parseEventId } from '@runyard/domain';
import type { EventPage, ReadEventsQuery, StoredEvent } from './answers.js';
import type { Connection } from './connection.js';
import { LogUnreadableError } from './errors.js';
import type { Keys } from './keys.js';
import type { LargeData } from './large-data.js';
import { logPath, readBlob, readPart } from './log-blob.js';
import { PAGE_BYTES, readLog } from './scripts/read.js';
import type { LogPart, LogQuery } from './scripts/read.js';

/** What is not in the stream: a part of a live log, or a finished log. */
export type FiledLog = Extract<LogPart, { kind: 'part' | 'blob' }>;

export class EventLog {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    private readonly dataDir: string,
    private readonly large: LargeData,
  ) {}

  /** One page as the script answers it, with the data that was appended. */
  async part(runId: string, query: LogQuery): Promise<LogPart> {
    const part = await this.#look(runId, query);
    if (part.kind !== 'page') return part;
    const events: StoredEvent[] = [];
    for (const event of part.events) events.push(await this.large.whole(runId, event));
    return { ...part, events };
  }

  /** The event with the data that was appended, whatever is in its place. */
  whole(runId: string, event: StoredEvent): Promise<StoredEvent> {
    return this.large.whole(runId, event);
  }

  /**
   * The events of the files that `part` found. Returns the id after which to ask again: all of a part is behind it, and nothing of one
   * that gave way to the finished log. @throws LogUnreadableError when it is gone
   */
  async *filed(runId: string, found: FiledLog, query: Omit<LogQuery, 'limit'>): AsyncGenerator<StoredEvent, string> {
    let seen = query.after;
    try {
      for await (const event of this.#stored(runId, found, query.after)) {
        seen = event.id;
        if (query.deltas || event.type !== DELTA_EVENT_TYPE) yield await this.large.whole(runId, event);
      }
    } catch (error) {
      if (found.kind === 'blob' || !(error instanceof LogUnreadableError)) throw error;
      const again = await this.#look(runId, { ...query, after: seen, limit: 1 });
      if (again.kind === 'part' && again.part.lastId === found.part.lastId) throw error;
    }
    return seen;
  }

  /** See RunStore.readEvents. */
  async page(runId: string, query: ReadEventsQuery): Promise<EventPage | undefined> {
    const deltas = query.deltas ?? true;
    for (let after = checkedId(query.after); ; ) {
      const part = await this.part(runId, { after, limit: query.limit, deltas });
      if (part.kind === 'unknown') return undefined;
      const page = part.kind === 'page' ? part : await this.#pageOfFile(runId, part, { after, limit: query.limit, deltas });
      // A page of nothing but left-out events is not the end: without this the caller could not tell.
      if (page.state !== 'more' || page.events.length > 0) return { events: page.events, end: page.state === 'end' };
      after = page.cursor;
    }
  }

  async #pageOfFile(runId: string, found: FiledLog, query: LogQuery): Promise<Extract<LogPart, { kind: 'page' }>> {
    const source = this.filed(runId, found, query);
    const events: StoredEvent[] = [];
    let bytes = 0;
    for (;;) {
      const next = await source.next();
      if (next.done === true) return { kind: 'page', events, cursor: next.value, state: found.kind === 'blob' ? 'end' : 'more' };
      if (events.length >= query.limit || bytes >= PAGE_BYTES) break;
      events.push(next.value);
      bytes += next.value.data.length;
    }
    await source.return('');
    return { kind: 'page', events, cursor: events.at(-1)?.id ?? query.after, state: 'more' };
  }

  #look(runId: string, query: LogQuery): Promise<LogPart> {
    return this.connection.run((redis) => readLog(redis, this.keys, runId, query));
  }

  #stored(runId: string, found: FiledLog, after: string): AsyncGenerator<StoredEvent> {
    if (found.kind === 'part') return readPart(this.dataDir, runId, found.part, after);
    if (found.blob === null) throw new LogUnreadableError(`the log of run ${runId} is not in Redis any more`);
    return readBlob({ runId, from: found.blob === 'file' ? logPath(this.dataDir, runId) : found.blob }, after);
  }
}

/** '' for the beginning. @throws RangeError when it is no event id */
export function checkedId(after: string | undefined): string {
  if (after !== undefined && parseEventId(after) === undefined) throw new RangeError(`not an event id: ${after}`);
  return after ?? '';
}
