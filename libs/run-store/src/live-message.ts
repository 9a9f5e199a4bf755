// What is published when events are appended: the events, or only their ids when they are large.
import { parseEventId } from '@runyard/domain';
import type { StoredEvent } from './answers.js';
import { eventsOfFrames } from './event-frames.js';

export interface LiveMessage {
  /** Id of the last event. */
  readonly lastId: string;
  /** The last event is run.finished. */
  readonly end: boolean;
  /** undefined: look into the log. */
  readonly events: readonly StoredEvent[] | undefined;
  readonly bytes: number;
}

const RANGE = /^R(\S+) (\S+)( end)?$/;

/** `F` and frames, or `R<first id> <last id>[ end]`. undefined for anything else: then the log tells. */
export function liveMessageOf(payload: Buffer): LiveMessage | undefined {
  const kind = payload.toString('latin1', 0, 1);
  if (kind === 'R') {
    const [, , lastId = '', end] = RANGE.exec(payload.toString('latin1')) ?? [];
    return parseEventId(lastId) === undefined ? undefined : { lastId, end: end !== undefined, events: undefined, bytes: payload.length };
  }
  try {
    const events = kind === 'F' ? eventsOfFrames(payload.subarray(1)) : [];
    const last = events.at(-1);
    return last === undefined ? undefined : { lastId: last.id, end: last.type === 'run.finished', events, bytes: payload.length };
  } catch {
    return undefined;
  }
}
