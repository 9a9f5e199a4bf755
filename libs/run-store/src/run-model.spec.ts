// Random lives of runs on a real Redis, held against an array: appends of workers, zombies and others, lost leases, flushes that
// come twice, waits and decisions, cancels, ends, compactions, cut connections, and followers that come and go at any id.
import { temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunStore } from './index.js';
import type { Lease, NewEvent, StoredEvent } from './index.js';
import { difference, RunModel } from './run-model.fixture.js';
import { created, delta, expireLease, FAILED, following, logOf, message, SUCCEEDED } from './store.fixture.js';

const SEQUENCES = 400;
const STEPS = 40;

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;
let others: RunStore;
let viewers: RunStore;

beforeAll(async () => {
  server = await testRedis();
  directory = await temporaryDirectory();
  redis = new Redis(server.connection);
  store = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path });
  others = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path });
  viewers = RunStore.open({ redis: server.connection, role: 'api', dataDir: directory.path });
}, 300_000);
afterAll(async () => {
  await store.close();
  await others.close();
  await viewers.close();
  redis.disconnect();
  await server.stop();
  await directory.remove();
});

/** Which attempt speaks: 0 = the current one, 1 = the one before, … and -1 = one that does not exist yet. */
const speaker = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) }, { weight: 1, arbitrary: fc.constant(-1) });
const anEvent = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }).map(message) },
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }).map(delta) },
  { weight: 1, arbitrary: fc.integer({ min: 10_000, max: 30_000 }).map((size): NewEvent => message('x'.repeat(size))) },
);
const flush = fc.record({ events: fc.array(anEvent, { maxLength: 5 }), again: fc.boolean() });
/** From where a reader reads: a share of the log so far, or the beginning; `off` leaves the attempt out of step. */
const place = fc.option(fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), off: fc.constantFrom(0, 0, 0, 1) }), { nil: undefined });
const deltas = fc.boolean();

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('claim' as const), dispatch: fc.constantFrom(0, 0, 0, -1, 1), worker: fc.constantFrom('wrk_a', 'wrk_b') }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('append' as const), speaker, flush }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('outside' as const), event: anEvent }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('both' as const), flush, event: anEvent }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('renew' as const), speaker }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('lose lease' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('redispatch' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('requeue' as const), speaker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('finish' as const), speaker, flush: fc.option(flush, { nil: undefined }), outcome: fc.constantFrom(SUCCEEDED, FAILED) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('park' as const), speaker, flush: fc.option(flush, { nil: undefined }), timed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hand over' as const), speaker, flush: fc.option(flush, { nil: undefined }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('recover' as const), action: fc.constantFrom('resume' as const, 'restart' as const, 'resume' as const, 'restart' as const, 'abandon' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('spawn' as const), speaker }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('compact' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('forget stream' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('follow' as const), place, deltas }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unfollow' as const), which: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), dice: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), place, deltas, limit: fc.integer({ min: 1, max: 20 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Flush = { readonly events: NewEvent[]; readonly again: boolean };

interface Viewer {
  readonly after: string;
  readonly deltas: boolean;
  readonly events: StoredEvent[];
  readonly done: Promise<void>;
  readonly abort: AbortController;
}

/** One run and its model, changed side by side. */
class Life {
  readonly model = new RunModel();
  readonly viewers: Viewer[] = [];
  readonly gone: Viewer[] = [];

  private constructor(readonly id: string) {}

  static async begin(): Promise<Life> {
    return new Life((await created(store)).id);
  }

  async step(what: Step): Promise<void> {
    const { model, id } = this;
    switch (what.do) {
      case 'claim': {
        const dispatch = model.dispatch + what.dispatch;
        const answer = await store.claim({ runId: id, dispatch, workerId: what.worker });
        const before = model.attempt;
        return expect(answer).toMatchObject(model.claim(dispatch, what.worker) ? { kind: 'claimed', previousAttempts: before } : { kind: 'stale' });
      }
      case 'append': {
        const { attempt, number } = this.#flush(what.speaker, what.flush);
        return expect(await store.append(this.#lease(attempt), number, what.flush.events)).toEqual(model.append(attempt, number, what.flush.events));
      }
      case 'outside': {
        const answer = await store.appendFromOutside(id, what.event);
        if (!model.terminal) model.add(what.event.type, what.event.data.toString());
        return expect(answer).toBe(model.terminal ? undefined : model.events.at(-1)?.id);
      }
      case 'both':
        return this.#both(what.flush, what.event);
      case 'renew': {
        const attempt = this.#attempt(what.speaker);
        const answer = await store.renew(this.#lease(attempt));
        return expect(answer).toMatchObject(model.renew(attempt) ? { kind: 'renewed', cancelRequested: model.cancelRequested } : { kind: 'lost' });
      }
      case 'lose lease':
        if (model.status !== 'running') return;
        model.leaseOver = true;
        // What losses add up to is told elsewhere.
        await redis.hdel(`runyard:run:${id}`, 'losses', 'shared');
        return expireLease(redis, { runId: id });
      case 'redispatch':
        return expect((await store.redispatchLost(id))?.dispatch).toBe(model.leave(model.leaseOver, 'lease_expired'));
      case 'requeue': {
        const attempt = this.#attempt(what.speaker);
        return expect((await store.requeue(this.#lease(attempt), 'drain'))?.dispatch).toBe(model.leave(attempt === model.attempt, 'drain'));
      }
      case 'cancel':
        return expect((await store.cancel(id)).kind).toBe(model.cancel());
      case 'finish': {
        const { attempt, number } = this.#flush(what.speaker, what.flush ?? { events: [], again: true });
        const sent = what.flush && number > 0 ? { number, events: what.flush.events } : undefined;
        return expect(await store.finish(this.#lease(attempt), what.outcome, sent)).toEqual(model.finish(attempt, what.outcome, sent));
      }
      case 'park': {
        const { lease, sent } = this.#sent(what.speaker, what.flush);
        const input = { waitingFor: what.timed ? ('quota' as const) : ('recovery' as const), left: 'recovery' as const, detail: 'x', ...(what.timed ? { resumesAtMs: 1 } : {}) };
        return expect((await store.park(lease, input, sent)).kind).toBe(model.park(lease.attempt, what.timed, sent));
      }
      case 'hand over': {
        const { lease, sent } = this.#sent(what.speaker, what.flush);
        return expect((await store.handOver(lease, sent))?.dispatch).toBe(model.handOver(lease.attempt, sent));
      }
      case 'recover':
        return expect((await store.recover(id, what.action)).kind).toBe(model.recover(what.action));
      case 'advance':
        return expect((await store.queued.advance(100)).map(({ dispatch }) => dispatch)).toEqual([model.advance() ?? []].flat());
      case 'spawn': {
        const { lease } = this.#sent(what.speaker, undefined);
        return expect(await store.noteSpawn(lease)).toBe(model.noteSpawn(lease.attempt));
      }
      case 'compact':
        await store.compact(id);
        model.compacted ||= model.terminal;
        return expect(await store.get(id)).toMatchObject({ log: model.compacted ? expect.stringMatching(/redis|file/) : 'stream' });
      case 'forget stream':
        if (!model.compacted) return;
        // First the model: a viewer may come between.
        model.streamGone = true;
        return void (await redis.del(`runyard:run:${id}:events`));
      case 'follow': {
        const [after, abort] = [this.#place(what.place), new AbortController()];
        const query = { deltas: what.deltas, signal: abort.signal, ...(after === '' ? {} : { after }) };
        return void this.viewers.push({ after, deltas: what.deltas, abort, ...following(viewers, id, query) });
      }
      case 'unfollow': {
        const [viewer] = this.viewers.splice(what.which % Math.max(1, this.viewers.length), 1);
        viewer?.abort.abort();
        await within(viewer?.done, 'the end of a viewer that left');
        return void (viewer && this.gone.push(viewer));
      }
      case 'cut':
        // Seldom: each costs the viewers the time to connect again.
        return void (what.dice === 0 && (await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')));
      case 'read':
        return this.#read(this.#place(what.place), what.deltas, what.limit);
    }
  }

  /** Ends the run if it has not, and holds everything against the model. */
  async end(): Promise<void> {
    const { model, id } = this;
    if (!model.terminal) {
      if ((await store.cancel(id)).kind === 'requested') await store.finish(this.#lease(model.attempt), FAILED);
      model.cancel();
      model.finish(model.attempt, FAILED, undefined);
    }
    for (const { after, done } of this.viewers) await within(done, `the end of a viewer that came after '${after}'`);
    const log = await logOf(store, id, { limit: 50 });
    expect(difference(log.events, model.visible('', true))).toBe('');
    expect(log.end).toBe(true);
    expect(model.events.filter(({ type }) => type === 'run.finished')).toHaveLength(1);
    for (const viewer of this.viewers) expect(this.#unlike(viewer, false)).toBe('');
    for (const viewer of this.gone) expect(this.#unlike(viewer, true)).toBe('');
    expect(await store.get(id)).toMatchObject({ status: model.status, attempt: model.attempt, dispatch: model.dispatch, seq: model.seq, leaseUntilMs: null });
    expect(await redis.zscore('runyard:leases', id)).toBeNull();
    expect((await store.undispatched(0, 1000)).filter(({ runId }) => runId === id)).toEqual([]);
    expect(await store.delete(id)).toBe('deleted');
  }

  /** A worker and somebody else append at once: either order is right, and both are there. */
  async #both(worker: Flush, event: NewEvent): Promise<void> {
    const { model, id } = this;
    const { attempt, number } = this.#flush(0, worker);
    const [appended, outside] = await Promise.all([store.append(this.#lease(attempt), number, worker.events), others.appendFromOutside(id, event)]);
    if (model.terminal) return expect([appended, outside]).toEqual([{ kind: 'lost' }, undefined]);
    const isOutsideFirst = appended.kind === 'appended' && Number(outside?.split('-')[1]) < appended.firstSeq;
    const add = () => model.add(event.type, event.data.toString());
    if (isOutsideFirst) add();
    expect(appended).toEqual(model.append(attempt, number, worker.events));
    if (!isOutsideFirst) add();
    expect(outside).toBe(isOutsideFirst && appended.kind === 'appended' ? `${model.attempt}-${appended.firstSeq - 1}` : model.events.at(-1)?.id);
  }

  async #read(after: string, withDeltas: boolean, limit: number): Promise<void> {
    const page = await store.readEvents(this.id, { limit, deltas: withDeltas, ...(after === '' ? {} : { after }) });
    const visible = this.model.visible(after, withDeltas);
    const events = page?.events ?? [];
    expect(difference(events, visible.slice(0, events.length))).toBe('');
    expect(events.length > 0).toBe(visible.length > 0);
    expect(events.length).toBeLessThanOrEqual(limit);
    if (page?.end === true) expect([events.length, this.model.terminal]).toEqual([visible.length, true]);
  }

  /** Viewers see all after their id, in order and once; partial text may be missing only after the stream has gone. */
  #unlike(viewer: Viewer, left: boolean): string {
    const all = this.model.events.filter(({ type }) => viewer.deltas || type !== 'claude.stream_event');
    const seen = new Set(viewer.events.map(({ id }) => id));
    const lastSeen = all.findLastIndex(({ id }) => seen.has(id));
    const wanted = this.model.visible(viewer.after, viewer.deltas).map(({ id }) => id);
    const mustSee = new Set(left ? wanted.filter((id) => all.findIndex((event) => event.id === id) <= lastSeen) : wanted);
    return difference(viewer.events, all.filter(({ id }) => mustSee.has(id) || (this.model.streamGone && seen.has(id))));
  }

  #attempt(who: number): number {
    return Math.max(0, this.model.attempt - who);
  }

  /** Flush numbers as a worker counts them: the last one again, or the next. */
  #flush(who: number, { again }: Pick<Flush, 'again'>): { readonly attempt: number; readonly number: number } {
    const attempt = this.#attempt(who);
    const last = this.model.sent[attempt] ?? 0;
    const number = again && last > 0 ? last : last + 1;
    if (this.model.sent[attempt] !== undefined) this.model.sent[attempt] = number;
    return { attempt, number };
  }

  /** The words of an attempt that leaves the run, with or without last events. */
  #sent(who: number, last: Flush | undefined): { readonly lease: Lease; readonly sent: { readonly number: number; readonly events: NewEvent[] } | undefined } {
    const { attempt, number } = this.#flush(who, last ?? { again: true });
    const sent = last && number > 0 ? { number, events: last.events } : undefined;
    return { lease: this.#lease(attempt), sent };
  }

  #lease(attempt: number): Lease {
    return { runId: this.id, attempt, workerId: this.model.workers[attempt] ?? 'wrk_none' };
  }

  #place(at: { readonly share: number; readonly off: number } | undefined): string {
    if (at === undefined) return '';
    const id = this.model.events[Math.floor(at.share * (this.model.seq - 1))]?.id ?? '0-1';
    return at.off === 0 ? id : id.replace(/-\d+$/, '-999');
  }
}

/** A hang must fail the sequence, so that it is told with its seed. */
async function within(done: Promise<void> | undefined, what: string): Promise<void> {
  let settled = false;
  const settling = Promise.resolve(done).finally(() => (settled = true));
  await waitFor(() => settled, { what });
  await settling;
}

test(`${SEQUENCES} random lives of a run`, async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: STEPS, size: 'max' }), async (steps) => {
      const life = await Life.begin();
      for (const each of steps) await life.step(each);
      await life.end();
      seen.set(life.model.status, (seen.get(life.model.status) ?? 0) + 1);
      if (life.model.parkedBy > 0) seen.set('parked', (seen.get('parked') ?? 0) + 1);
      if (life.model.attempt > 1) seen.set('several attempts', (seen.get('several attempts') ?? 0) + 1);
      if (life.model.streamGone && life.viewers.length > 0) seen.set('viewers after the swap', (seen.get('viewers after the swap') ?? 0) + 1);
    }),
    { numRuns: SEQUENCES },
  );
  // The generator must reach what this test is for.
  for (const kind of ['succeeded', 'failed', 'canceled', 'several attempts', 'parked', 'viewers after the swap']) expect([kind, (seen.get(kind) ?? 0) > 3]).toEqual([kind, true]);
}, 300_000);
