// Stored events → bytes on the wire. The data of an event is spliced in as it was stored, never parsed and made again.
import type { StoredEvent } from '@runyard/run-store';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

/** One event as a JSON object. */
export function eventJson(runId: string, event: StoredEvent): Buffer {
  const head = `{"id":${quote(event.id)},"run_id":${quote(runId)},"ts":${quote(event.ts)},"type":${quote(event.type)},"data":`;
  return Buffer.concat([Buffer.from(head), event.data, Buffer.from('}')]);
}

/** One event as an SSE frame: `id`, `event`, `data`. */
export function eventFrame(runId: string, event: StoredEvent): Buffer {
  return frame(event.id, event.type, eventJson(runId, event));
}

/** An SSE frame with JSON as its data. */
export function frame(id: string, type: string, json: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`id: ${id}\nevent: ${oneLine(type)}\ndata: `), onOneLine(json), Buffer.from('\n\n')]);
}

/** A page of events as a JSON object. */
export function eventListJson(runId: string, events: readonly StoredEvent[], nextPage: string | null): Buffer {
  const parts = events.flatMap((event, index) => [Buffer.from(index === 0 ? '' : ','), eventJson(runId, event)]);
  return Buffer.concat([Buffer.from('{"data":['), ...parts, Buffer.from(`],"next_page":${JSON.stringify(nextPage)}}`)]);
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ');
}

/** A line break would end the SSE line. In JSON it can only stand between tokens, where a space means the same. */
function onOneLine(json: Buffer): Buffer {
  if (!json.includes(LF) && !json.includes(CR)) return json;
  return json.map((byte) => (byte === LF || byte === CR ? SPACE : byte)) as Buffer;
}
