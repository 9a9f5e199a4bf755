// One page of events of bounded size.
import type { RunStore, StoredEvent } from '@runyard/run-store';

export interface EventPageQuery {
  readonly after: string | undefined;
  readonly deltas: boolean;
  readonly limit: number;
}

export interface EventPageAnswer {
  readonly events: readonly StoredEvent[];
  /** The id of the last event when there is more now, else null. */
  readonly nextPage: string | null;
}

/** Undefined when there is no such run. The store bounds the bytes of a page; shorter ones are not the last for that. */
export async function readEventPage(store: RunStore, runId: string, query: EventPageQuery): Promise<EventPageAnswer | undefined> {
  const page = await store.readEvents(runId, query);
  if (!page) return undefined;
  const last = page.events.at(-1)?.id;
  if (last === undefined || page.end) return { events: page.events, nextPage: null };
  const rest = page.events.length < query.limit ? await store.readEvents(runId, { after: last, deltas: query.deltas, limit: 1 }) : undefined;
  const isLast = rest !== undefined && rest.events.length === 0;
  return { events: page.events, nextPage: isLast ? null : last };
}
