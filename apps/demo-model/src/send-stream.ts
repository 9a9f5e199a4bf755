// Writes a stream of events to a response: with delays, back-pressure, split bytes, and the fault that was asked for.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { Fault } from './fault.js';
import { encodeEvent, errorEvent, pingEvent } from './stream-events.js';
import type { StreamEvent } from './stream-events.js';

export interface StreamOptions {
  readonly fault: Fault | undefined;
  /** Bytes per write; undefined: one write per event. */
  readonly splitBytes: number | undefined;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

// A client that learns of the end together with the last deltas throws them away, as claude 2.1.330 does.
const BEFORE_RESET_MS = 100;

/** Resolves when the stream is ended, destroyed by a fault, or left by the client. */
export async function sendStream(response: ServerResponse, events: Iterable<StreamEvent>, options: StreamOptions): Promise<void> {
  const { fault, splitBytes, signal } = options;
  response.socket?.setNoDelay(true);
  let deltas = 0;
  for (const event of events) {
    if (signal.aborted) return;
    if (fault !== undefined && isDue(fault, deltas, event)) {
      await happen(fault, response, signal);
      return;
    }
    if (event.delayMs > 0 && !(await waited(event.delayMs, signal))) return;
    await write(response, encodeEvent(event), splitBytes, signal);
    if (event.isDelta) deltas += 1;
  }
  response.end();
}

/** A fault that waits for more deltas than there are happens before the message is complete. */
function isDue(fault: Fault, deltas: number, next: StreamEvent): boolean {
  if (!('after' in fault)) return false;
  return next.event === 'message_delta' || (next.isDelta && deltas >= fault.after);
}

async function happen(fault: Fault, response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (fault.kind === 'reset') {
    await waited(BEFORE_RESET_MS, signal);
    response.socket?.destroy();
  }
  if (fault.kind === 'sse_error') response.end(encodeEvent(errorEvent('overloaded_error', 'Overloaded')));
  if (fault.kind === 'stall') await stall(fault.pingMs, response, signal);
}

async function stall(pingMs: number, response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (pingMs === 0) {
    if (!signal.aborted) await once(signal, 'abort');
    return;
  }
  while (await waited(pingMs, signal)) response.write(encodeEvent(pingEvent()));
}

async function write(response: ServerResponse, bytes: Buffer, splitBytes: number | undefined, signal: AbortSignal): Promise<void> {
  const size = splitBytes ?? bytes.length;
  for (let at = 0; at < bytes.length && !signal.aborted; at += size) {
    const flushed = response.write(bytes.subarray(at, at + size));
    // Without a turn of the event loop between them small writes would leave as one.
    if (splitBytes !== undefined) await nextTurn();
    if (!flushed) await once(response, 'drain', { signal }).catch(ignoreAbort);
  }
}

/** False when the client left meanwhile. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  return wait(ms, true, { signal }).catch((error: unknown) => {
    ignoreAbort(error);
    return false;
  });
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
