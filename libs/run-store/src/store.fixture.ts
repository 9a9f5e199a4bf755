// Short words for specs of the store.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CreateRun, Outcome } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { Attempt, Dispatch, EventPage, Lease, NewEvent, ReadEventsQuery, StoredEvent } from './answers.js';
import type { RunRecord } from './run-record.js';
import type { RunStore } from './run-store.js';

export const REQUEST: CreateRun = { prompt: 'hello' };

export const SUCCEEDED: Outcome = {
  status: 'succeeded',
  failure: null,
  result: 'done',
  structured_output: null,
  usage: { input_tokens: 1, output_tokens: 2, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
  cost_usd: 0.25,
  cost_estimated: false,
  num_turns: 1,
  duration_ms: 12,
};

export const FAILED: Outcome = { ...SUCCEEDED, status: 'failed', failure: { code: 'internal', message: 'Broken.', retryable: true }, result: null };

export async function created(store: RunStore, request: CreateRun = REQUEST): Promise<RunRecord> {
  const answer = await store.create({ request, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(`create answered ${answer.kind}`);
  await millisecondIsOver(answer.run);
  return answer.run;
}

/** Chance orders runs of one millisecond: after this, what is created comes later than `run`. */
export async function millisecondIsOver(run: RunRecord): Promise<void> {
  while (Date.now() <= Date.parse(run.createdAt)) await nextTurn();
}

export interface StartedRun {
  readonly run: RunRecord;
  readonly id: string;
  readonly lease: Lease;
}

/** Claims a dispatch that must be claimable. */
export async function claimed(store: RunStore, dispatch: Dispatch, workerId = 'wrk_test'): Promise<StartedRun> {
  const answer = await store.claim({ ...dispatch, workerId });
  if (answer.kind !== 'claimed') throw new Error(`claim answered ${answer.kind}`);
  const { run } = answer;
  return { run, id: run.id, lease: { runId: run.id, attempt: run.attempt, workerId } };
}

/** A new run that a worker has. */
export async function started(store: RunStore, request?: CreateRun, workerId?: string): Promise<StartedRun> {
  const run = await created(store, request);
  return claimed(store, { runId: run.id, dispatch: 1 }, workerId);
}

/** A new run that has ended, with `events` in its log. */
export async function finished(store: RunStore, events: readonly NewEvent[] = []): Promise<StartedRun> {
  const run = await started(store);
  const answer = await store.finish(run.lease, SUCCEEDED, { number: 1, events });
  if (answer.kind !== 'finished') throw new Error(`finish answered ${answer.kind}`);
  return run;
}

/** The whole log, read page by page. */
export async function logOf(store: RunStore, runId: string, query: Partial<ReadEventsQuery> = {}): Promise<{ readonly events: StoredEvent[]; readonly end: boolean }> {
  const events: StoredEvent[] = [];
  let after = query.after;
  for (;;) {
    const page: EventPage | undefined = await store.readEvents(runId, { limit: 7, ...query, after });
    if (page === undefined) throw new Error(`no run ${runId}`);
    events.push(...page.events);
    if (page.end || page.events.length === 0) return { events, end: page.end };
    after = page.events.at(-1)?.id;
  }
}

/** Events in one line each, to compare and to read. */
export function linesOf(events: readonly StoredEvent[]): string[] {
  return events.map(({ id, type, data }) => `${id} ${type} ${data.toString()}`);
}

export function message(text: string): NewEvent {
  return { type: 'claude.assistant', data: JSON.stringify({ type: 'assistant', text }) };
}

export function delta(text: string): NewEvent {
  return { type: 'claude.stream_event', data: JSON.stringify({ type: 'stream_event', text }) };
}

/** Lets the lease of a run be over, as if its time had passed. */
export async function expireLease(redis: Redis, { runId }: Pick<Attempt, 'runId'>): Promise<void> {
  await redis.hset(`runyard:run:${runId}`, 'lease_until', '1');
  await redis.zadd('runyard:leases', 'XX', 1, runId);
}

/** Follows in the background; `events` grows, `done` settles when it ended. */
export function following(store: RunStore, runId: string, query: { readonly after?: string; readonly deltas?: boolean; readonly signal?: AbortSignal } = {}) {
  const events: StoredEvent[] = [];
  const signal = query.signal ?? new AbortController().signal;
  const done = (async () => {
    for await (const event of store.follow(runId, { ...query, signal })) events.push(event);
  })();
  done.catch(() => {}); // the spec awaits it later
  return { events, done };
}
