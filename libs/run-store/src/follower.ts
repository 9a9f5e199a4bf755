// One follower: everything after an id, then live. Pub/sub wakes, the log tells.
import { compareEventIds, DELTA_EVENT_TYPE, parseEventId } from '@runyard/domain';
import { setTimeout as delay } from 'node:timers/promises';
import type { FollowQuery, StoredEvent } from './answers.js';
import { RedisUnavailableError } from './errors.js';
import { checkedId } from './event-log.js';
import type { EventLog, FiledLog } from './event-log.js';
import { LiveBuffer } from './live-buffer.js';
import type { LiveFeed } from './live-feed.js';
import type { LiveMessage } from './live-message.js';
import type { LogPart } from './scripts/read.js';

const PAGE_EVENTS = 256;
const RETRY_MS = 250;

export interface FollowSource {
  readonly log: EventLog;
  readonly feed: LiveFeed<LiveMessage>;
  /** Channel of the run. */
  readonly channelOf: (runId: string) => string;
  /** How long reading may fail before a follower gives up. */
  readonly patienceMs: number;
}

/** See RunStore.follow. Holds nothing until its first event is asked for, and nothing after it ended. */
export async function* follow(source: FollowSource, runId: string, query: FollowQuery): AsyncGenerator<StoredEvent> {
  const { feed } = source;
  const channel = source.channelOf(runId);
  const follower = new Follower(source, runId, query);
  const stop = () => {
    feed.detach(channel, follower.buffer);
    follower.buffer.wake();
  };
  if (query.signal.aborted) return;
  // At once on abort, also while the consumer is busy with an event and may never ask for the next.
  query.signal.addEventListener('abort', stop, { once: true });
  feed.attach(channel, follower.buffer);
  try {
    yield* follower.events();
  } finally {
    query.signal.removeEventListener('abort', stop);
    stop();
  }
}

class Follower {
  readonly buffer = new LiveBuffer<LiveMessage>();
  readonly #deltas: boolean;
  readonly #signal: AbortSignal;
  /** Id of the last event that was seen, '' before the first. */
  #cursor: string;
  #ended = false;

  constructor(
    private readonly source: FollowSource,
    private readonly runId: string,
    query: FollowQuery,
  ) {
    this.#cursor = checkedId(query.after);
    this.#deltas = query.deltas ?? true;
    this.#signal = query.signal;
  }

  async *events(): AsyncGenerator<StoredEvent> {
    while (!this.#done()) {
      if (this.buffer.beginReading()) yield* this.#fromLog();
      else yield* this.#fromBuffer();
      if (!this.#done()) await this.buffer.changed();
    }
  }

  #done(): boolean {
    return this.#ended || this.#signal.aborted || this.buffer.closed;
  }

  async *#fromLog(): AsyncGenerator<StoredEvent> {
    for (;;) {
      const part = await this.#read();
      if (part === undefined) return;
      if (part.kind === 'unknown') {
        this.#ended = true;
        return;
      }
      if (part.kind === 'page') {
        yield* this.#untilAborted(part.events);
        this.#cursor = part.cursor;
      } else yield* this.#fromFiles(part);
      this.#ended = part.kind === 'blob' || (part.kind === 'page' && part.state === 'end');
      if (this.#done() || (part.kind === 'page' && part.state === 'caught_up')) return;
    }
  }

  *#untilAborted(events: Iterable<StoredEvent>): Generator<StoredEvent> {
    for (const event of events) {
      if (this.#signal.aborted) return;
      yield event;
    }
  }

  async *#fromFiles(found: FiledLog): AsyncGenerator<StoredEvent> {
    const events = this.source.log.filed(this.runId, found, { after: this.#cursor, deltas: this.#deltas });
    try {
      for (let next = await events.next(); !this.#signal.aborted; next = await events.next()) {
        if (next.done === true) {
          this.#cursor = next.value;
          return;
        }
        yield next.value;
      }
    } finally {
      await events.return('');
    }
  }

  /** Drops what was seen; a hole sends back to the log. */
  async *#fromBuffer(): AsyncGenerator<StoredEvent> {
    for (let message = this.buffer.take(); message !== undefined && !this.#done(); message = this.buffer.take()) {
      if (!this.#isNew(message.lastId)) {
        // Somebody asked for events after an id that this run never had: it ends all the same.
        this.#ended = message.end;
        continue;
      }
      for (const event of message.events ?? []) {
        if (this.#done()) return;
        if (!this.#isNext(event.id)) {
          this.buffer.markStale();
          return;
        }
        this.#cursor = event.id;
        this.#ended = event.type === 'run.finished';
        if (this.#deltas || event.type !== DELTA_EVENT_TYPE) yield await this.source.log.whole(this.runId, event);
      }
      if (message.events === undefined) this.buffer.markStale();
    }
  }

  #isNew(id: string): boolean {
    return this.#cursor === '' || compareEventIds(id, this.#cursor) > 0;
  }

  #isNext(id: string): boolean {
    const seen = this.#cursor === '' ? 0 : (parseEventId(this.#cursor)?.seq ?? 0);
    return parseEventId(id)?.seq === seen + 1;
  }

  /** A page of the log; undefined when aborted. A Redis that is away for a while is waited for. */
  async #read(): Promise<LogPart | undefined> {
    let failingSince: number | undefined;
    while (!this.#signal.aborted) {
      try {
        return await this.source.log.part(this.runId, { after: this.#cursor, limit: PAGE_EVENTS, deltas: this.#deltas });
      } catch (error) {
        failingSince ??= performance.now();
        if (!(error instanceof RedisUnavailableError) || performance.now() - failingSince > this.source.patienceMs) throw error;
      }
      await delay(RETRY_MS, undefined, { signal: this.#signal }).catch(() => {}); // aborted: the loop ends
    }
    return undefined;
  }
}
