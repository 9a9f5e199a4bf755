// Somebody who watches a run: through one API process after the other, reconnecting where it stopped.
import { setTimeout as sleep } from 'node:timers/promises';
import { httpOpen } from '@runyard/testing';
import type { SeenEvent, Viewer } from './evidence.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface WatchOptions {
  readonly runId: string;
  /** The API processes as they are now. */
  readonly urls: () => readonly string[];
  readonly key: string;
  readonly random: SeededRandom;
  /** Hangs up by itself after about so many events, again and again. Undefined: never. */
  readonly hangUpAfter?: number;
  readonly signal: AbortSignal;
}

const PAUSE_MS = 100;
const LOG_MS = 60_000;

/** Watches until the stream is over, or until it is told to stop. */
export async function watch(options: WatchOptions): Promise<Viewer> {
  const { random, signal } = options;
  const connections: { openedAtMs: number; events: SeenEvent[] }[] = [];
  let last: string | undefined;
  let resets = 0;
  let ended = false;
  let turn = random.between(0, 1);
  while (!ended && !signal.aborted) {
    const urls = options.urls();
    const url = urls[(turn += 1) % urls.length];
    if (url === undefined) break;
    const hangUpAt = options.hangUpAfter === undefined ? Infinity : random.between(1, options.hangUpAfter * 2);
    const connection = { openedAtMs: Date.now(), events: [] as SeenEvent[] };
    connections.push(connection);
    try {
      for await (const frame of frames({ ...options, url, query: '' }, last)) {
        if (frame === 'over') ended = true;
        else if (frame.type === 'reset') resets += 1;
        else {
          connection.events.push(frame);
          last = frame.id;
          if (connection.events.length >= hangUpAt) break;
        }
      }
    } catch {
      // The API was killed, or is not up yet: somebody else answers, or it does later.
    }
    if (connection.events.at(-1)?.type === 'run.finished') ended = true;
    if (!ended) await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return { connections, resets, ended };
}

/** What is left of a run's events when it is over, without partial text. Empty when it is unknown. */
export async function readLog(urls: () => readonly string[], runId: string, key: string): Promise<SeenEvent[]> {
  const signal = AbortSignal.timeout(LOG_MS);
  let events: SeenEvent[] = [];
  for (let turn = 0; !signal.aborted; turn += 1) {
    const url = urls()[turn % urls().length];
    if (url === undefined) break;
    events = [];
    try {
      for await (const frame of frames({ url, query: '?deltas=0', runId, key, signal }, undefined)) if (frame !== 'over') events.push(frame);
    } catch {
      // This API is just being replaced: another one answers, or it does later.
    }
    if (events.at(-1)?.type === 'run.finished') break;
    await sleep(PAUSE_MS);
  }
  return events;
}

interface Place {
  readonly url: string;
  readonly query: string;
  readonly runId: string;
  readonly key: string;
  readonly signal: AbortSignal;
}

/** One connection: its events, and `over` when the server says that there is nothing more. */
async function* frames({ url, query, runId, key, signal }: Place, last: string | undefined): AsyncGenerator<SeenEvent | 'over'> {
  const headers = { accept: 'text/event-stream', authorization: `Bearer ${key}`, ...(last !== undefined && { 'last-event-id': last }) };
  const response = await httpOpen(url, `/v1/runs/${runId}/events${query}`, { headers });
  const stop = (): void => void response.destroy();
  signal.addEventListener('abort', stop);
  try {
    if (response.statusCode === 204) yield 'over';
    if (response.statusCode !== 200) return;
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const parts = `${rest}${String(chunk)}`.split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const frame = frameOf(part);
        if (frame) yield frame;
      }
    }
  } finally {
    signal.removeEventListener('abort', stop);
    response.destroy();
  }
}

function frameOf(text: string): SeenEvent | undefined {
  const field = (name: string): string | undefined => text.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const type = field('event');
  if (type === undefined) return undefined;
  return { id: field('id') ?? '', type, text: field('data') ?? '' };
}
