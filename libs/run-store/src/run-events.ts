// The events of runs: read page by page, or followed live.
import type { EventPage, FollowQuery, ReadEventsQuery, StoredEvent } from './answers.js';
import type { EventLog } from './event-log.js';
import { follow } from './follower.js';
import type { Keys } from './keys.js';
import { LiveFeed } from './live-feed.js';
import { liveMessageOf } from './live-message.js';
import type { LiveMessage } from './live-message.js';
import { isRunId } from './page-token.js';
import type { Subscriber } from './subscriber.js';

export class RunEvents {
  readonly #feed: LiveFeed<LiveMessage>;

  /** @param patienceMs how long reading may fail before a follower gives up */
  constructor(
    private readonly log: EventLog,
    private readonly keys: Keys,
    subscriber: Subscriber,
    private readonly patienceMs: number,
  ) {
    this.#feed = new LiveFeed(subscriber, liveMessageOf);
  }

  async page(runId: string, query: ReadEventsQuery): Promise<EventPage | undefined> {
    return isRunId(runId) ? this.log.page(runId, query) : undefined;
  }

  async *follow(runId: string, query: FollowQuery): AsyncGenerator<StoredEvent> {
    if (!isRunId(runId)) return;
    yield* follow({ log: this.log, feed: this.#feed, channelOf: (id) => this.keys.live(id), patienceMs: this.patienceMs }, runId, query);
  }

  /** How many followers there are in this process. */
  get viewers(): number {
    return this.#feed.size;
  }

  /** Ends every follower. */
  close(): void {
    this.#feed.close();
  }
}
