// A live log that outgrows its place in Redis: parts in files and the rest in the stream are one log to every reader.
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Connection } from './connection.js';
import { LogUnreadableError, RunStore } from './index.js';
import type { NewEvent, StoredEvent } from './index.js';
import { Keys } from './keys.js';
import { partPath, writeLog } from './log-blob.js';
import { LogSpill } from './log-spill.js';
import { claimed, delta, following, linesOf, logOf, message, started, SUCCEEDED } from './store.fixture.js';
import type { StartedRun } from './store.fixture.js';

const LIMIT = 4000;

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;
/** Does not spill by itself. */
let lazy: RunStore;
let connection: Connection;
const errors: Error[] = [];

beforeAll(async () => {
  server = await testRedis();
  directory = await temporaryDirectory();
  redis = new Redis(server.connection);
  const options = { redis: server.connection, role: 'worker', dataDir: directory.path } as const;
  store = RunStore.open({ ...options, liveLogBytes: LIMIT, onError: (error) => errors.push(error) });
  lazy = RunStore.open(options);
  connection = new Connection('worker', server.connection, 5000, () => {});
}, 300_000);
afterAll(async () => {
  await store.close();
  await lazy.close();
  connection.close();
  redis.disconnect();
  await server.stop();
  await directory.remove();
});

const spiller = (): LogSpill => new LogSpill({ connection, keys: new Keys('runyard:'), dataDir: directory.path, liveLogBytes: LIMIT, onError: (error) => errors.push(error) });
const filesOf = (id: string): Promise<string[]> => readdir(join(directory.path, 'runs', id)).catch(() => []);
const parts = async (id: string): Promise<string[]> => ((await redis.hget(`runyard:run:${id}`, 'log_parts')) ?? '').split(' ').filter((part) => part !== '');
const kept = (events: readonly StoredEvent[]) => events.filter(({ type }) => type !== 'claude.stream_event');
const text = (index: number, size = 100): NewEvent => (index % 3 === 0 ? delta : message)(`${index} ${'x'.repeat(size)}`);
const flush = (from: number, count: number, size?: number): NewEvent[] => Array.from({ length: count }, (_, i) => text(from + i, size));

async function longRun(count = 300): Promise<StartedRun> {
  const run = await started(store);
  for (let number = 1; number <= count / 10; number++) await store.append(run.lease, number, flush(number * 10, 10));
  return run;
}

describe('parts and stream', () => {
  test('the stream stays below its limit, and pages give every event once, from any id', async () => {
    const { id } = await longRun();
    expect((await parts(id)).length).toBeGreaterThan(5);
    expect(await redis.xlen(`runyard:run:${id}:events`)).toBeLessThan(30);
    const { events } = await logOf(store, id);
    expect(events.map((event) => Number(event.id.split('-')[1]))).toEqual(Array.from({ length: 302 }, (_, i) => i + 1));
    expect(events.slice(2).map(({ data }) => data.toString())).toEqual(flush(10, 300).map(({ data }) => String(data)));
    for (const after of [...events.filter((_, i) => i % 17 === 0).map((event) => event.id), '0-1', '1-302']) {
      const rest = events.filter((event) => Number(event.id.split('-')[1]) > Number(after.split('-')[1]));
      expect(linesOf((await logOf(store, id, { after, limit: 41 })).events)).toEqual(linesOf(rest));
      expect(linesOf((await logOf(store, id, { after, deltas: false })).events)).toEqual(linesOf(kept(rest)));
    }
    expect((await logOf(store, id, { after: '9-1' })).events).toEqual([]);
  });

  test('followers that were there before, and those that come late, see one log to its end', async () => {
    const run = await started(store);
    const early = [following(store, run.id), following(store, run.id, { deltas: false })];
    for (let number = 1; number <= 30; number++) await store.append(run.lease, number, flush(number * 10, 10));
    const late = [following(store, run.id), following(store, run.id, { after: '1-77' })];
    const { events: live } = await logOf(store, run.id);
    await store.finish(run.lease, SUCCEEDED);
    await Promise.all([...early, ...late].map(({ done }) => done));
    const all = (await logOf(store, run.id)).events;
    expect(all.slice(0, -1)).toEqual(live);
    expect(linesOf(early[0]?.events ?? [])).toEqual(linesOf(all));
    expect(linesOf(early[1]?.events ?? [])).toEqual(linesOf(kept(all)));
    expect(linesOf(late[0]?.events ?? [])).toEqual(linesOf(all));
    expect(linesOf(late[1]?.events ?? [])).toEqual(linesOf(all.slice(77)));
  });

  test('compaction makes one blob of both and removes the parts; a reader between two parts goes on in the blob', async () => {
    const { id, lease } = await longRun();
    await store.finish(lease, SUCCEEDED);
    const { events: all } = await logOf(store, id);
    const controller = new AbortController();
    const slow = store.follow(id, { deltas: false, signal: controller.signal });
    const seen = [(await slow.next()).value as StoredEvent];
    await store.compact(id);
    await redis.del(`runyard:run:${id}:events`);
    for await (const event of slow) seen.push(event);
    expect(linesOf(seen)).toEqual(linesOf(kept(all)));
    expect((await filesOf(id)).filter((name) => name.startsWith('log-part'))).toEqual([]);
    expect((await logOf(store, id)).events).toEqual(kept(all));
    expect(await store.delete(id)).toBe('deleted');
    expect(await redis.keys(`*${id}*`)).toEqual([]);
  });

  test('a part that is gone: a clear error, never a short log', async () => {
    const { id } = await longRun();
    const [first = ''] = await parts(id);
    await rm(partPath(directory.path, id, { number: 1, lastId: first }));
    await expect(logOf(store, id)).rejects.toThrow(LogUnreadableError);
    await expect(following(store, id).done).rejects.toThrow(new RegExp(id));
    expect((await logOf(store, id, { after: first })).events.length).toBeGreaterThan(100);
  });
});

describe('trouble', () => {
  test('a data directory that cannot be written: everything stays in Redis, and moves later', async () => {
    const { id, lease } = await started(store);
    await writeFile(join(directory.path, 'runs', id), 'in the way');
    errors.length = 0;
    for (let number = 1; number <= 10; number++) expect(await store.append(lease, number, flush(number * 10, 10))).toMatchObject({ kind: 'appended' });
    expect(errors.map(String).join()).toMatch(/EEXIST|ENOTDIR/);
    expect(await parts(id)).toEqual([]);
    expect((await logOf(store, id)).events).toHaveLength(102);
    await rm(join(directory.path, 'runs', id));
    let number = 10;
    await waitFor(async () => {
      await store.append(lease, ++number, [message('more')]);
      return (await parts(id)).length > 0;
    }, { what: 'the first part', timeoutMs: 30_000 });
    expect((await logOf(store, id)).events).toHaveLength(92 + number);
  }, 60_000);

  test('an attempt that was given up, and a run that has ended, move nothing', async () => {
    const run = await started(lazy);
    await lazy.append(run.lease, 1, flush(0, 100));
    await lazy.requeue(run.lease, 'drain');
    await spiller().spill(run.lease);
    const next = await claimed(lazy, { runId: run.id, dispatch: 2 });
    await spiller().spill(run.lease);
    expect(await parts(run.id)).toEqual([]);
    await spiller().spill(next.lease);
    expect((await parts(run.id)).length).toBeGreaterThan(0);
    await lazy.append(next.lease, 1, flush(0, 100));
    await lazy.finish(next.lease, SUCCEEDED);
    const before = await parts(run.id);
    await spiller().spill(next.lease);
    expect(await parts(run.id)).toEqual(before);
    expect((await logOf(lazy, run.id)).events).toHaveLength(205);
  });

  test('the count of bytes follows what the stream holds', async () => {
    const { id, lease } = await longRun(200);
    const inStream = (await redis.xrangeBuffer(`runyard:run:${id}:events`, '-', '+')).reduce((sum, [, fields]) => sum + (fields[5]?.length ?? 0) + 64, 0);
    expect(Number(await redis.hget(`runyard:run:${id}`, 'log_bytes'))).toBe(inStream);
    expect(inStream).toBeLessThanOrEqual(LIMIT);
    await store.finish(lease, SUCCEEDED);
  });
});

type Step =
  | { readonly kind: 'append'; readonly sizes: readonly number[] }
  | { readonly kind: 'spill'; readonly at: number; readonly meanwhile: readonly number[] }
  | { readonly kind: 'crash'; readonly keep: number; readonly torn: boolean }
  | { readonly kind: 'attempt' }
  | { readonly kind: 'read'; readonly after: number; readonly limit: number; readonly deltas: boolean };

const someSizes = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), sizes: someSizes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('spill' as const), at: fc.integer({ min: 1, max: 3 }), meanwhile: someSizes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), keep: fc.nat(), torn: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'attempt' as const }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), after: fc.nat(), limit: fc.integer({ min: 1, max: 40 }), deltas: fc.boolean() }) },
);

/** One run and the array that its log must equal. */
class Modelled {
  readonly model: { readonly id: string; readonly line: string; readonly type: string }[] = [];
  #flushes = 0;
  #events = 0;
  #old: StartedRun[] = [];

  constructor(private run: StartedRun) {
    this.#add('run.queued');
    this.#add('run.started');
  }

  async do(each: Step): Promise<void> {
    if (each.kind === 'append') return await this.#append(each.sizes);
    if (each.kind === 'spill') return await this.#spill(each.at, each.meanwhile);
    if (each.kind === 'crash') return await this.#crash(each.keep, each.torn);
    if (each.kind === 'attempt') return await this.#nextAttempt();
    const after = this.model[each.after % this.model.length]?.id;
    expect(await this.#read({ ...each, after })).toEqual(this.#expected(after, each.deltas));
  }

  async end(): Promise<void> {
    const early = following(lazy, this.run.id, { deltas: false });
    await lazy.finish(this.run.lease, SUCCEEDED);
    this.#add('run.finished');
    await spiller().spill(this.run.lease);
    expect(await this.#read({ limit: 11, deltas: true })).toEqual(this.#expected(undefined, true));
    await Promise.all([lazy.compact(this.run.id), lazy.compact(this.run.id)]);
    // Whoever is in the middle finds the parts gone and the stream without its beginning.
    expect(await this.#read({ limit: 11, deltas: false })).toEqual(this.#expected(undefined, false));
    await redis.del(`runyard:run:${this.run.id}:events`);
    await early.done;
    expect(early.events.map((event) => event.id)).toEqual(this.#expected(undefined, false).map(([id]) => id));
    expect(await this.#read({ limit: 11, deltas: true })).toEqual(this.#expected(undefined, false));
    expect((await filesOf(this.run.id)).filter((name) => name !== 'log.zst')).toEqual([]);
  }

  async #append(sizes: readonly number[]): Promise<void> {
    const events = sizes.map((size) => text(this.#events++, size));
    await lazy.append(this.run.lease, ++this.#flushes, events);
    for (const { type, data } of events) this.#add(type, String(data));
  }

  /** Several at once, each of which may see the log with or without the new events. */
  async #spill(writers: number, meanwhile: readonly number[]): Promise<void> {
    const [first, ...others] = this.#writers(writers);
    const begun = first && spiller().spill(first.lease);
    await this.#append(meanwhile);
    await Promise.all([begun, ...others.map(({ lease }) => spiller().spill(lease))]);
  }

  /** Ended between the file and the trim, or in the middle of the file: by this attempt or by one that is over. */
  async #crash(keep: number, torn: boolean): Promise<void> {
    const { id } = this.run;
    const named = await parts(id);
    const { events } = await logOf(lazy, id, { after: named.at(-1), limit: 100 });
    const some = events.slice(0, 1 + (keep % events.length));
    const lastId = some.at(-1)?.id ?? '';
    const path = partPath(directory.path, id, { number: named.length + 1, lastId });
    if (torn) await writeFile(`${path}.0.tmp`, 'half a fi').catch(() => undefined);
    else await writeLog(Readable.from(some), path, 0);
  }

  async #nextAttempt(): Promise<void> {
    const dispatch = await lazy.requeue(this.run.lease, 'drain');
    if (!dispatch) throw new Error('the run was not given back');
    this.#add('run.queued');
    this.#old.push(this.run);
    this.run = await claimed(lazy, dispatch);
    this.#add('run.started', undefined, this.run.lease.attempt);
    this.#flushes = 0;
  }

  /** The live attempt, and up to two more writers: the same one again, or those that are over. */
  #writers(count: number): StartedRun[] {
    return [this.run, ...this.#old.toReversed(), this.run, this.run].slice(0, count);
  }

  #add(type: string, line = '', attempt = type === 'run.queued' && this.model.length === 0 ? 0 : this.run.lease.attempt): void {
    this.model.push({ id: `${attempt}-${this.model.length + 1}`, type, line });
  }

  #expected(after: string | undefined, deltas: boolean): [string, string][] {
    const from = after === undefined ? 0 : this.model.findIndex(({ id }) => id === after) + 1;
    return this.model.slice(from).flatMap(({ id, type, line }) => (deltas || type !== 'claude.stream_event' ? [[id, type.startsWith('run.') ? type : line] as [string, string]] : []));
  }

  async #read(query: { after?: string | undefined; limit: number; deltas: boolean }): Promise<[string, string][]> {
    const { events } = await logOf(lazy, this.run.id, query);
    return events.map(({ id, type, data }) => [id, type.startsWith('run.') ? type : data.toString()]);
  }
}

test('any order of appending, moving, crashing, new attempts and reading: the log is the array', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const run = new Modelled(await started(lazy));
      for (const each of steps) await run.do(each);
      await run.end();
    }),
    { numRuns: 60, endOnFailure: false },
  );
  expect(errors.filter((error) => !/EEXIST|ENOTDIR/.test(String(error)))).toEqual([]);
}, 240_000);
