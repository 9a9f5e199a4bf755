// Follows a run's events over server-sent events: in order, each once, over any number of connections.
import { compareEventIds, parseEventId } from '@runyard/domain';
import type { Run, RunEvent } from '@runyard/domain';
import { createParser } from 'eventsource-parser';
import { ApiProblem, isTransient } from './api-errors.js';
import { backOffMs, pause } from './back-off.js';
import { readChunks } from './chunks.js';
import type { Http } from './http.js';

/** Why and when the follower connects again. */
export interface Reconnect {
  readonly reason: string;
  readonly delayMs: number;
}

export interface FollowOptions {
  /** Begin after this event id. Default: from the first event. */
  readonly after?: string | undefined;
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Whether `claude.stream_event` (partial text) is wanted. Default true. */
  readonly deltas?: boolean | undefined;
  /** Delay before a reconnect until the server says another one, in milliseconds. Default 1000. */
  readonly retryMs?: number | undefined;
  readonly onReconnect?: ((reconnect: Reconnect) => void) | undefined;
  /** The history before this point is gone; the run as it is now. What follows is still in order. */
  readonly onReset?: ((run: Run) => void) | undefined;
}

// The API sends a comment every 15 s: three of them missed, and the connection is dead without knowing it.
const SILENCE_MS = 45_000;
const MAX_DELAY_MS = 30_000;

interface Position {
  /** Id of the last event that was given out. */
  last: string | undefined;
  /** What the server asked for in its `retry:` field. */
  retryMs: number;
}

type Ending = { readonly kind: 'over' } | { readonly kind: 'cut'; readonly reason: string; readonly progressed: boolean; readonly waitMs?: number | undefined };

/**
 * Everything after `after`, then live, until `run.finished`, the abort of `signal`, or a 204 (nothing more will come). A cut connection
 * is taken up where it ended, as often as needed; ids decide, so nothing comes twice or out of order.
 * @throws ApiProblem when asking again cannot help: 401, 403, 404 and other refusals of the request itself
 */
export async function* followEvents(http: Http, runId: string, options: FollowOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
  const position: Position = { last: options.after, retryMs: options.retryMs ?? 1000 };
  let failures = 0;
  while (!options.signal?.aborted) {
    const ending = yield* followOnce(http, runId, position, options);
    if (ending.kind === 'over') return;
    failures = ending.progressed ? 1 : failures + 1;
    const delayMs = Math.max(backOffMs({ baseMs: position.retryMs, maxMs: MAX_DELAY_MS }, failures), ending.waitMs ?? 0);
    options.onReconnect?.({ reason: ending.reason, delayMs });
    await pause(delayMs, options.signal);
  }
}

async function* followOnce(http: Http, runId: string, position: Position, options: FollowOptions): AsyncGenerator<RunEvent, Ending, undefined> {
  const connection = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, connection.signal]) : connection.signal;
  let progressed = false;
  try {
    const response = await http.send({
      path: `/v1/runs/${encodeURIComponent(runId)}/events`,
      query: options.deltas === false ? { deltas: 0 } : {},
      headers: { accept: 'text/event-stream', ...(position.last === undefined ? {} : { 'last-event-id': position.last }) },
      signal,
    });
    if (response.status === 204) return { kind: 'over' };
    for await (const event of eventsOf(response, position, options)) {
      if (!isAfter(event.id, position.last)) continue;
      position.last = event.id;
      progressed = true;
      yield event;
      if (event.type === 'run.finished') return { kind: 'over' };
    }
    return { kind: 'cut', reason: 'the stream ended', progressed };
  } catch (error) {
    if (options.signal?.aborted) return { kind: 'over' };
    if (!isTransient(error)) throw error;
    return error instanceof ApiProblem
      ? { kind: 'cut', reason: error.detail, progressed, waitMs: error.retryAfterMs }
      : { kind: 'cut', reason: error.reason, progressed };
  } finally {
    // Also when whoever iterates stops in the middle: the connection must not stay.
    connection.abort();
  }
}

async function* eventsOf(response: Response, position: Position, options: FollowOptions): AsyncGenerator<RunEvent, void, undefined> {
  const arrived: RunEvent[] = [];
  const parser = createParser({
    onRetry: (retryMs) => {
      position.retryMs = Math.min(MAX_DELAY_MS, retryMs);
    },
    onEvent: ({ id, event, data }) => {
      if (event === 'reset') {
        // Its id is where the history goes on; without it we would be told the same again at every reconnect.
        if (isAfter(id, position.last)) position.last = id;
        options.onReset?.(JSON.parse(data) as Run);
      } else if (id !== undefined && parseEventId(id)) arrived.push(parseEvent(id, event ?? 'message', data));
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of readChunks(response, SILENCE_MS)) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* arrived.splice(0);
  }
}

function isAfter(id: string | undefined, last: string | undefined): id is string {
  return id !== undefined && parseEventId(id) !== undefined && (last === undefined || compareEventIds(id, last) > 0);
}

// A line of the CLI goes through every process unparsed. Should one not be JSON, that is no reason to lose the run: it is passed as text.
function parseEvent(id: string, type: string, data: string): RunEvent {
  try {
    return { ...(JSON.parse(data) as RunEvent), id, type };
  } catch {
    return { id, run_id: '', ts: '', type, data };
  }
}

