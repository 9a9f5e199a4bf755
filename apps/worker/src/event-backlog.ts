// The events that wait to be sent, and what is left out of them when a run has to end before they could be.
import type { NewEvent } from '@runyard/run-store';

/** An event takes so much besides its data, here and in Redis: a flood of tiny lines is a flood, too. */
const EVENT_BYTES = 64;
/** Half a megabyte of these says no more than the message that follows them, and compaction drops them from every log. */
const DELTA = 'claude.stream_event';

export interface LeftOut {
  readonly events: number;
  readonly bytes: number;
}

export class EventBacklog {
  #events: NewEvent[] = [];
  #bytes = 0;
  #isThin = false;
  #leftOut: LeftOut = { events: 0, bytes: 0 };

  get count(): number {
    return this.#events.length;
  }

  /** Of the events that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What never gets into the log. */
  get leftOut(): LeftOut {
    return this.#leftOut;
  }

  /** False when it was left out. */
  add(event: NewEvent): boolean {
    if (this.#isThin && event.type === DELTA) return this.leaveOut(event);
    this.#events.push(event);
    this.#bytes += bytesOf(event);
    return true;
  }

  /** Leaves out the pieces of streamed text, from now on and those that wait: the messages tell the same. */
  thin(): void {
    if (this.#isThin) return;
    this.#isThin = true;
    const waiting = this.takeAll();
    for (const event of waiting) this.add(event);
  }

  leaveOut(event: NewEvent): false {
    const { events, bytes } = this.#leftOut;
    this.#leftOut = { events: events + 1, bytes: bytes + Buffer.byteLength(event.data) };
    return false;
  }

  /** The first or the last events: no more than `most.events`, and no more than one after the other that reach `most.bytes`. */
  take(end: 'first' | 'last', most: LeftOut): NewEvent[] {
    let bytes = 0;
    let count = 0;
    while (count < this.count && count < most.events && (count === 0 || bytes < most.bytes)) {
      const event = this.#events.at(end === 'first' ? count : -1 - count);
      bytes += event === undefined ? 0 : bytesOf(event);
      count += 1;
    }
    this.#bytes -= bytes;
    return this.#events.splice(end === 'first' ? 0 : this.count - count, count);
  }

  takeAll(): NewEvent[] {
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    return events;
  }
}

export function bytesOf({ data }: NewEvent): number {
  return Buffer.byteLength(data) + EVENT_BYTES;
}
