// Events as frames of bytes: the form of finished logs and of published messages.
// A frame is `<id> <ts ms> <bytes of type> <bytes of data>\n<type><data>`; the script that appends writes the same form.
import { parseEventId } from '@runyard/domain';
import type { StoredEvent } from './answers.js';
import { isoOf } from './reply.js';

const NEWLINE = 0x0a;
const HEAD = /^(\d{1,10}-\d{1,16}) (\d{1,15}) (\d{1,9}) (\d{1,12})$/;
const HEAD_MAX_BYTES = 80;

/** The frame of one event. */
export function frameOf(event: StoredEvent): Buffer {
  const type = Buffer.from(event.type);
  return Buffer.concat([Buffer.from(`${event.id} ${Date.parse(event.ts)} ${type.length} ${event.data.length}\n`), type, event.data]);
}

/** Cuts a stream of bytes into events. Linear in its input, also when one frame comes in very many chunks. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes that must be there before looking again is worth it. */
  #needed = 1;

  /** @throws RangeError when the bytes are no frames */
  push(chunk: Buffer): StoredEvent[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return [];
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const events: StoredEvent[] = [];
    let at = 0;
    for (;;) {
      const frame = frameAt(bytes, at);
      if ('needed' in frame) {
        this.#needed = frame.needed;
        break;
      }
      events.push(frame.event);
      at = frame.next;
    }
    const rest = bytes.subarray(at);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    return events;
  }

  /** @throws RangeError when a frame is cut off */
  end(): void {
    if (this.#size > 0) throw new RangeError('the last event is cut off');
  }
}

/** All events of complete frames. @throws RangeError when the bytes are no frames */
export function eventsOfFrames(bytes: Buffer): StoredEvent[] {
  const decoder = new FrameDecoder();
  const events = decoder.push(bytes);
  decoder.end();
  return events;
}

function frameAt(bytes: Buffer, at: number): { readonly event: StoredEvent; readonly next: number } | { readonly needed: number } {
  const headEnd = bytes.indexOf(NEWLINE, at);
  const available = bytes.length - at;
  if (headEnd === -1 || headEnd - at > HEAD_MAX_BYTES) {
    if (available > HEAD_MAX_BYTES) throw new RangeError('an event has no head');
    return { needed: available + 1 };
  }
  const [, id = '', ts, typeBytes, dataBytes] = HEAD.exec(bytes.toString('latin1', at, headEnd)) ?? [];
  if (parseEventId(id) === undefined) throw new RangeError('an event has a broken head');
  const dataAt = headEnd + 1 + Number(typeBytes);
  const next = dataAt + Number(dataBytes);
  if (next > bytes.length) return { needed: next - at };
  return { event: { id, ts: isoOf(Number(ts)), type: bytes.toString('utf8', headEnd + 1, dataAt), data: bytes.subarray(dataAt, next) }, next };
}
