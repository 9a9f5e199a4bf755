// One method per endpoint of the HTTP API.
import { LIMITS, newId } from '@runyard/domain';
import type { CreateRun, QueueState, RecoverRun, RetryRun, Run, RunEvent, RunList, RunStatus, Status, Worker, WorkerList } from '@runyard/domain';
import { readChunks } from './chunks.js';
import { followEvents } from './follow.js';
import type { FollowOptions } from './follow.js';
import { Http } from './http.js';
import type { HttpOptions } from './http.js';
import { splitLines } from './lines.js';
import { ScheduleClient } from './schedules.js';

export interface ApiClientOptions extends Omit<HttpOptions, 'patienceMs'> {
  /** How long a request is repeated while nobody answers or the API says 503, in milliseconds. Default 10 s. */
  readonly patienceMs?: number | undefined;
}

export interface WaitOptions {
  /** Seconds to wait for the run to be terminal or waiting, 0 to 60; the answer is the run either way. */
  readonly wait?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CreateRunOptions extends WaitOptions {
  /** Default: a new one, so that a repeated request makes one run. */
  readonly idempotencyKey?: string | undefined;
}

export interface RunsQuery {
  readonly status?: RunStatus | undefined;
  readonly sessionId?: string | undefined;
  readonly tag?: string | undefined;
  /** Size of the pages that are fetched. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EventsQuery {
  readonly after?: string | undefined;
  /** Size of the pages that are fetched. */
  readonly limit?: number | undefined;
  readonly deltas?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

// A wait of N s may take a little longer on a busy server; a connection that is really dead is noticed after this much more.
const WAIT_MARGIN_MS = 30_000;
// A raw stream has no comments; a run may think for long. Only a dead machine is silent longer than the CLI's own limits.
const RAW_SILENCE_MS = 15 * 60_000;

/** Client of one API. Every method throws ApiProblem or ServerUnreachable, or the reason of its signal. */
export class ApiClient {
  readonly url: string;
  readonly schedules: ScheduleClient;
  readonly #http: Http;

  /** @throws TypeError when the address or the key cannot be used */
  constructor(options: ApiClientOptions) {
    this.#http = new Http({ ...options, patienceMs: options.patienceMs ?? 10_000 });
    this.url = this.#http.url;
    this.schedules = new ScheduleClient(this.#http);
  }

  /** Creates a run. Repeated by itself when nobody answers or the API says 503; one run comes of it. */
  async createRun(body: CreateRun, options: CreateRunOptions = {}): Promise<Run> {
    return this.#http.json<Run>({
      method: 'POST',
      path: '/v1/runs',
      body,
      ...waiting(options, { 'idempotency-key': options.idempotencyKey ?? newId('request') }),
    });
  }

  /** One run as it is now, or as it is when it settles within `wait` seconds. */
  async run(id: string, options: WaitOptions = {}): Promise<Run> {
    return this.#http.json<Run>({ path: runPath(id), ...waiting(options) });
  }

  /** Runs, newest first; further pages are fetched as they are asked for. */
  async *runs(query: RunsQuery = {}): AsyncGenerator<Run, void, undefined> {
    let page: string | undefined;
    do {
      const list: RunList = await this.#http.json<RunList>({
        path: '/v1/runs',
        query: { status: query.status, session_id: query.sessionId, tag: query.tag, limit: query.limit, page },
        signal: query.signal,
      });
      yield* list.data;
      page = list.next_page ?? undefined;
    } while (page !== undefined);
  }

  /** Ends a run; asking twice is as good as once. The run may still be on its way to the end. */
  async cancel(id: string, options: { signal?: AbortSignal } = {}): Promise<Run> {
    return this.#http.json<Run>({ method: 'POST', path: `${runPath(id)}/cancel`, signal: options.signal });
  }

  /** What becomes of a run that waits for recovery; asking twice is as good as once. */
  async recover(id: string, action: RecoverRun['action'], options: { signal?: AbortSignal } = {}): Promise<Run> {
    return this.#http.json<Run>({ method: 'POST', path: `${runPath(id)}/recover`, body: { action }, signal: options.signal });
  }

  /** A new run with the request of one that is over; `overrides` replace its fields. Repeated by itself; one run comes of it. */
  async retry(id: string, overrides: RetryRun = {}, options: CreateRunOptions = {}): Promise<Run> {
    return this.#http.json<Run>({
      method: 'POST',
      path: `${runPath(id)}/retry`,
      body: overrides,
      ...waiting(options, { 'idempotency-key': options.idempotencyKey ?? newId('request') }),
    });
  }

  /** Forgets a run that is over, with its events and files. Not repeated: the second time it is not there. */
  async deleteRun(id: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#http.send({ method: 'DELETE', path: runPath(id), signal: options.signal });
  }

  /** The answer as plain text, piece by piece while it grows. */
  async *output(id: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<string, void, undefined> {
    const response = await this.#http.send({ path: `${runPath(id)}/output`, headers: { accept: 'text/plain' }, signal: options.signal });
    const decoder = new TextDecoder();
    for await (const chunk of readChunks(response, RAW_SILENCE_MS)) yield decoder.decode(chunk, { stream: true });
    const rest = decoder.decode();
    if (rest !== '') yield rest;
  }

  /** The events there are so far, oldest first, without waiting for more. */
  async *events(id: string, query: EventsQuery = {}): AsyncGenerator<RunEvent, void, undefined> {
    let after = query.after;
    for (;;) {
      const page = await this.#http.json<{ data: RunEvent[]; next_page: string | null }>({
        path: `${runPath(id)}/events`,
        query: { after, limit: query.limit ?? LIMITS.eventPageSize, deltas: query.deltas === false ? 0 : undefined },
        signal: query.signal,
      });
      yield* page.data;
      const last = page.data.at(-1);
      if (page.next_page === null || last === undefined) return;
      after = last.id;
    }
  }

  /** Everything so far, then live, over any number of connections, until the run is over. See FollowOptions. */
  follow(id: string, options: FollowOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
    return followEvents(this.#http, id, options);
  }

  /**
   * The CLI's own lines as bytes, unchanged and without their newline, live until the end of the run. They have no numbers to resume
   * from: when the connection is cut, ServerUnreachable is thrown.
   */
  async *rawLines(id: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const response = await this.#http.send({ path: `${runPath(id)}/events`, headers: { accept: 'application/x-ndjson' }, signal: options.signal });
    yield* splitLines(readChunks(response, RAW_SILENCE_MS));
  }

  async workers(options: { signal?: AbortSignal } = {}): Promise<Worker[]> {
    return (await this.#http.json<WorkerList>({ path: '/v1/workers', signal: options.signal })).data;
  }

  /** Asks a worker to take no more runs; asking twice is as good as once. */
  async drainWorker(id: string, options: { signal?: AbortSignal } = {}): Promise<Worker> {
    return this.#http.json<Worker>({ method: 'POST', path: `/v1/workers/${encodeURIComponent(id)}/drain`, signal: options.signal });
  }

  /** What waits for a worker; with `change` after pausing or resuming it. */
  async queue(change?: 'pause' | 'resume', options: { signal?: AbortSignal } = {}): Promise<QueueState> {
    if (change === undefined) return this.#http.json<QueueState>({ path: '/v1/queue', signal: options.signal });
    return this.#http.json<QueueState>({ method: 'POST', path: `/v1/queue/${change}`, signal: options.signal });
  }

  async status(options: { signal?: AbortSignal } = {}): Promise<Status> {
    return this.#http.json<Status>({ path: '/v1/status', signal: options.signal });
  }
}

function runPath(id: string): string {
  return `/v1/runs/${encodeURIComponent(id)}`;
}

function waiting({ wait, signal }: WaitOptions, headers: Record<string, string> = {}) {
  const seconds = wait === undefined ? undefined : Math.min(LIMITS.waitSeconds, Math.max(0, Math.floor(wait)));
  return {
    signal,
    headers: seconds === undefined ? headers : { ...headers, prefer: `wait=${seconds}` },
    timeoutMs: (seconds ?? 0) * 1000 + WAIT_MARGIN_MS,
  };
}
