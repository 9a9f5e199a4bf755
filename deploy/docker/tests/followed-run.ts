// A run with a viewer: every event that the viewer saw, over as many connections as it took.
import type { ApiClient, FollowOptions } from '@runyard/api-client';
import type { CreateRun, Run, RunEvent } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import { expect } from 'vitest';

export class FollowedRun {
  readonly events: RunEvent[] = [];
  /** How often the viewer had to connect again. */
  reconnects = 0;
  /** Whether the viewer was told that events are gone. */
  wasReset = false;
  #viewer = new AbortController();
  #over: Promise<void>;

  private constructor(
    readonly id: string,
    readonly sessionId: string,
    private readonly client: ApiClient,
  ) {
    this.#over = this.#watch();
  }

  /** Creates the run and looks at it from its first event on. */
  static async start(client: ApiClient, body: CreateRun): Promise<FollowedRun> {
    const run = await client.createRun(body);
    return new FollowedRun(run.id, run.session_id, client);
  }

  /** The text that arrived so far, piece by piece as Claude wrote it. */
  get text(): string {
    return this.events.map(deltaOf).join('');
  }

  /** The same of one attempt alone: one that begins again says it again. */
  textOf(attempt: number): string {
    return this.events.filter((event) => event.id.startsWith(`${attempt}-`)).map(deltaOf).join('');
  }

  /** What happened to the run, in order. */
  get history(): string[] {
    return this.events.map(({ type }) => type).filter((type) => type.startsWith('run.'));
  }

  /** Waits for an event that fits. */
  async until(what: string, fits: (event: RunEvent) => boolean): Promise<void> {
    await waitFor(() => this.events.some(fits), { what: `${what} of ${this.id}`, timeoutMs: 90_000 });
  }

  /** Waits until the result of a tool is in the log: nothing is under way then. */
  async untilToolDone(): Promise<void> {
    await this.until('the result of a tool', ({ type, data }) => type === 'claude.user' && JSON.stringify(data).includes('"tool_result"'));
  }

  /** Waits until at least so many pieces of text have arrived. */
  async untilTalking(pieces = 3): Promise<void> {
    const enough = (): boolean => this.events.filter((event) => deltaOf(event) !== '').length >= pieces;
    await waitFor(enough, { what: `${pieces} pieces of text of ${this.id}`, timeoutMs: 60_000 });
  }

  /** The finished run, once the viewer has seen its end. */
  async over(): Promise<Run> {
    await this.#over;
    return this.client.run(this.id);
  }

  /** Connects again at once, where the viewer has got to: it waits longer after each failure. */
  async comeBack(): Promise<void> {
    this.#viewer.abort();
    await this.#over;
    this.#viewer = new AbortController();
    this.#over = this.#watch();
  }

  /** Numbers of the events that were seen. */
  get numbers(): number[] {
    return this.events.map((event) => Number(event.id.split('-')[1]));
  }

  /** The directory it works in, as the worker sees it. */
  get directory(): string {
    const ready = this.events.find((event) => event.type === 'workspace.ready');
    if (ready === undefined) throw new Error(`${this.id} has no workspace yet`);
    return (ready.data as { path: string }).path;
  }

  #watch(): Promise<void> {
    const watched = this.#follow({ signal: this.#viewer.signal, after: this.events.at(-1)?.id });
    watched.catch(() => undefined); // over() tells it
    return watched;
  }

  async #follow(from: FollowOptions): Promise<void> {
    const seen = { onReconnect: () => void (this.reconnects += 1), onReset: () => void (this.wasReset = true) };
    for await (const event of this.client.follow(this.id, { ...from, ...seen })) this.events.push(event);
  }
}

/** Nothing was missing, nothing came twice, and there was one end. */
export function expectGapless(followed: FollowedRun): void {
  expect(followed.wasReset).toBe(false);
  expect(followed.numbers).toEqual(upTo(followed.numbers.length));
  expect(followed.history.filter((type) => type === 'run.finished')).toHaveLength(1);
  expect(followed.events.at(-1)?.type).toBe('run.finished');
}

/** What a whole log looks like: 1, 2, 3, … */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function deltaOf(event: RunEvent): string {
  if (event.type !== 'claude.stream_event') return '';
  const { event: line } = event.data as { event?: { delta?: { text?: unknown } } };
  return typeof line?.delta?.text === 'string' ? line.delta.text : '';
}
