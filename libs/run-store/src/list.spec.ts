// Lists and forgetting: complete pages in a stable order, and nothing left behind.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId, newSessionId } from '@runyard/domain';
import type { Trigger } from '@runyard/domain';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { InvalidPageError } from './index.js';
import type { ListQuery, RunStore } from './index.js';
import { created, FAILED, finished, millisecondIsOver, REQUEST, started } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ server, directory, redis, store } = stand));
beforeEach(() => server.flush());

async function idsOf(query: ListQuery): Promise<string[][]> {
  const pages: string[][] = [];
  for (let page: string | undefined; ; ) {
    const answer = await store.list({ ...query, page });
    pages.push(answer.runs.map(({ id }) => id));
    if (answer.nextPage === null) return pages;
    page = answer.nextPage;
  }
}

/** All keys but the two of the lifecycle stream, which is bounded and forgotten by itself. */
async function keysLeft(): Promise<string[]> {
  const own = ['runyard:lifecycle', 'runyard:lifecycle:last'];
  for (const key of own) expect(await redis.ttl(key)).not.toBe(-1);
  return (await redis.keys('*')).filter((key) => !own.includes(key));
}

/** A raw record, as if it had been created at `createdMs`. */
async function put(id: string, createdMs: number, sessionId = newSessionId()): Promise<void> {
  const state = { status: 'queued', attempt: 0, dispatch: 1, seq: 1, created: createdMs, log: 'stream' };
  const fields = { ...state, session: sessionId, continues: 0, trigger: 'api', request: JSON.stringify(REQUEST) };
  await redis.hset(`runyard:run:${id}`, fields);
  for (const index of ['runs', 'runs:status:queued', `runs:session:${sessionId}`]) await redis.zadd(`runyard:${index}`, 0, `${createdMs}_${id}`);
}

describe('list', () => {
  test('newest first, in pages of the asked size', async () => {
    const runs = [];
    for (let i = 0; i < 7; i++) runs.push(await created(store));
    const pages = await idsOf({ limit: 3 });
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
    const byTime = runs.toSorted((a, b) => (`${b.createdAt}${b.id}` > `${a.createdAt}${a.id}` ? 1 : -1)).map(({ id }) => id);
    expect(pages.flat()).toEqual(byTime);
    expect(await idsOf({ limit: 7 })).toHaveLength(1);
  });

  test('runs of the same millisecond are neither lost nor doubled between pages', async () => {
    const ids = Array.from({ length: 25 }, () => newId('run', 1_700_000_000_000));
    for (const id of ids) await put(id, 1_700_000_000_123);
    const pages = await idsOf({ limit: 4 });
    expect(pages.flat()).toEqual(ids.toSorted().toReversed());
  });

  test('a run created between two pages does not shift the second', async () => {
    const runs = [];
    for (let i = 0; i < 4; i++) runs.push(await created(store));
    const first = await store.list({ limit: 2 });
    await created(store);
    const second = await store.list({ limit: 2, page: first.nextPage ?? '' });
    expect(new Set([...first.runs, ...second.runs].map(({ id }) => id))).toEqual(new Set(runs.map(({ id }) => id)));
  });

  test('a page whose last run was deleted meanwhile still continues', async () => {
    const done = [await finished(store), await finished(store), await finished(store)];
    const first = await store.list({ limit: 2 });
    await store.delete(first.runs[1]?.id ?? '');
    const rest = await store.list({ limit: 2, page: first.nextPage ?? '' });
    expect([first.runs[0]?.id, first.runs[1]?.id, rest.runs[0]?.id].toSorted()).toEqual(done.map(({ id }) => id).toSorted());
  });

  test('by status, by session, by both', async () => {
    const [queued, running, done] = [await created(store), await started(store), await finished(store)];
    const again = await created(store, { prompt: 'x', session_id: done.run.sessionId });
    expect((await idsOf({ limit: 10, status: 'queued' })).flat().toSorted()).toEqual([queued.id, again.id].toSorted());
    expect((await idsOf({ limit: 10, status: 'running' })).flat()).toEqual([running.id]);
    expect((await idsOf({ limit: 10, status: 'waiting' })).flat()).toEqual([]);
    expect((await idsOf({ limit: 1, sessionId: done.run.sessionId })).flat().toSorted()).toEqual([again.id, done.id].toSorted());
    expect((await idsOf({ limit: 10, sessionId: done.run.sessionId, status: 'succeeded' })).flat()).toEqual([done.id]);
    expect((await idsOf({ limit: 10, sessionId: newSessionId() })).flat()).toEqual([]);
    expect((await idsOf({ limit: 10, sessionId: 'x:y' })).flat()).toEqual([]);
    expect(await store.counts()).toEqual({ queued: 2, running: 1, waiting: 0, succeeded: 1, failed: 0, canceled: 0 });
  });

  test('both filters over many runs of a session: all matches, in few to a page', async () => {
    const sessionId = newSessionId();
    const wanted: string[] = [];
    for (let i = 0; i < 40; i++) {
      const id = newId('run', i);
      await put(id, 1_700_000_000_000 + i, sessionId);
      if (i % 10 === 0) wanted.unshift(id);
      else await store.cancel(id);
    }
    expect((await idsOf({ limit: 3, sessionId, status: 'queued' })).flat()).toEqual(wanted);
  });

  test('a page of large prompts ends early and continues', async () => {
    for (let i = 0; i < 5; i++) await created(store, { prompt: 'x'.repeat(3 * 1024 * 1024) });
    const pages = await idsOf({ limit: 5 });
    expect(pages.map((page) => page.length)).toEqual([3, 2]);
  });

  test('forged page tokens are refused', async () => {
    const { nextPage } = { nextPage: `1700000000000_${newId('run')}` };
    await expect(store.list({ limit: 1, page: nextPage })).resolves.toEqual({ runs: [], nextPage: null });
    for (const page of ['', 'x', '+', '-', '(1', '1700000000000_', `17_${newId('run')}`, `${nextPage}\n`, `[${nextPage}`, `1700000000000_${newId('worker')}`]) {
      await expect(store.list({ limit: 1, page })).rejects.toThrow(InvalidPageError);
    }
  });
});

describe('filters', () => {
  const when = (ms: number) => 1_700_000_000_000 + ms;

  test('by tag, trigger and schedule; combined they all hold', async () => {
    const schedule = newId('schedule');
    const make = async (tags: string[], more: { trigger?: Trigger; scheduleId?: string } = {}) => {
      const answer = await store.create({ request: { ...REQUEST, tags }, trigger: 'api', ...more });
      if (answer.kind !== 'created') throw new Error(`create answered ${answer.kind}`);
      await millisecondIsOver(answer.run);
      return answer.run.id;
    };
    const a = await make(['x', 'y', 'x']);
    const b = await make(['y'], { trigger: 'cli' });
    const c = await make(['x y', 'Ü:*'], { trigger: 'schedule', scheduleId: schedule });
    const find = async (query: Omit<ListQuery, 'limit'>) => (await idsOf({ limit: 10, ...query })).flat();
    expect(await find({ tag: 'x' })).toEqual([a]);
    expect(await find({ tag: 'y' })).toEqual([b, a]);
    expect(await find({ tag: 'Ü:*' })).toEqual([c]);
    expect(await find({ tag: 'none' })).toEqual([]);
    expect(await find({ trigger: 'cli' })).toEqual([b]);
    expect(await find({ scheduleId: schedule })).toEqual([c]);
    expect(await find({ scheduleId: 'x:y' })).toEqual([]);
    expect(await find({ tag: 'y', trigger: 'cli', status: 'queued' })).toEqual([b]);
    expect(await find({ tag: 'y', trigger: 'cli', status: 'running' })).toEqual([]);
    expect((await store.get(c))?.scheduleId).toBe(schedule);
    expect(await store.listIds({ limit: 1, tag: 'y' })).toEqual({ ids: [b], nextPage: expect.any(String) });
  });

  test('by time of creation: both ends left out, page by page', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) {
      const id = newId('run', i);
      await put(id, when(i));
      ids.unshift(id);
    }
    const find = async (query: Omit<ListQuery, 'limit'>) => (await idsOf({ limit: 2, ...query })).flat();
    expect(await find({ createdAfterMs: when(2) })).toEqual(ids.slice(0, 7));
    expect(await find({ createdBeforeMs: when(2) })).toEqual(ids.slice(8));
    expect(await find({ createdAfterMs: when(2), createdBeforeMs: when(5), status: 'queued' })).toEqual(ids.slice(5, 7));
    expect(await find({ createdAfterMs: when(5), createdBeforeMs: when(2) })).toEqual([]);
    expect(await find({ createdAfterMs: -5 })).toEqual(ids);
    expect(await find({ createdBeforeMs: 253_402_300_799_999 })).toEqual(ids);
    expect(await find({ createdAfterMs: 253_402_300_799_999 })).toEqual([]);
  });

  test('two filters that seldom hold together: bounded work for each page, and still every run', async () => {
    const pipeline = redis.pipeline();
    const rare: string[] = [];
    for (let i = 0; i < 5000; i++) {
      const id = newId('run', i);
      const session = `ses_${'0'.repeat(32)}`;
      pipeline.hset(`runyard:run:${id}`, { status: 'queued', attempt: 0, dispatch: 1, seq: 1, created: when(i), log: 'stream', session, trigger: 'api', request: '{"prompt":"x"}' });
      for (const index of ['runs', 'runs:status:queued', 'runs:tag:a', ...(i % 2500 === 0 ? [] : ['runs:tag:noise'])]) pipeline.zadd(`runyard:${index}`, 0, `${when(i)}_${id}`);
      // The session's index is as long as the others, so that none of them is short enough to help.
      pipeline.zadd(`runyard:runs:session:${session}`, 0, `${when(i)}_${i % 2500 === 0 ? id : 'run_other'}`);
      if (i % 2500 === 0) rare.unshift(id);
    }
    await pipeline.exec();
    const pages = await idsOf({ limit: 20, tag: 'a', status: 'queued', sessionId: `ses_${'0'.repeat(32)}` });
    expect(pages.flat()).toEqual(rare);
    expect(pages.length).toBeLessThan(8);
  });

  test('a deleted run is in no index any more', async () => {
    const run = await created(store, { ...REQUEST, tags: ['gone', 'too'] });
    await store.cancel(run.id);
    expect(await store.delete(run.id)).toBe('deleted');
    expect((await redis.keys('runyard:runs*'))).toEqual([]);
  });
});

describe('delete', () => {
  test('only terminal runs; then nothing of it is left, in Redis or on disk', async () => {
    const live = await started(store);
    expect(await store.delete(live.id)).toBe('not_terminal');
    expect(await store.delete((await created(store)).id)).toBe('not_terminal');
    expect(await store.delete(newId('run'))).toBe('not_found');
    await server.flush();

    const noise = () => ({ type: 'claude.user' as const, data: randomBytes(60_000) });
    const done = await finished(store, [{ type: 'log.stderr', data: '{}' }]);
    const large = await finished(store, [noise(), noise(), noise()]);
    await store.compact(done.id);
    await store.compact(large.id);
    expect((await store.get(large.id))?.log).toBe('file');
    const attempts = join(directory.path, 'runs', done.id);
    await mkdir(attempts, { recursive: true });
    await writeFile(join(attempts, 'attempt-1'), '');
    for (const { id } of [done, large]) {
      expect(await store.delete(id)).toBe('deleted');
      expect(await store.delete(id)).toBe('not_found');
      expect(await store.get(id)).toBeUndefined();
      expect(await store.readEvents(id, { limit: 1 })).toBeUndefined();
    }
    expect(await keysLeft()).toEqual([]);
    expect(await readdir(join(directory.path, 'runs'))).toEqual([]);
  });

  test('the files of a session go with its last run', async () => {
    const first = await created(store);
    const second = await created(store, { ...REQUEST, session_id: first.sessionId });
    const shelf = join(directory.path, 'sessions', first.sessionId);
    await mkdir(join(shelf, 'workspace'), { recursive: true });
    await writeFile(join(shelf, 'workspace', 'notes.md'), '');
    for (const { id } of [first, second]) await store.cancel(id);
    expect(await store.delete(second.id)).toBe('deleted');
    expect(await readdir(join(shelf, 'workspace'))).toEqual(['notes.md']);
    expect(await store.delete(first.id)).toBe('deleted');
    expect(await readdir(join(directory.path, 'sessions'))).toEqual([]);
  });

  test('when every run is deleted and every worker has left, no key remains', async () => {
    await created(store);
    await started(store);
    const done = await finished(store);
    await store.compact(done.id);
    const worker = { id: 'wrk_1', host: 'h', pid: 1, version: '1', claudeVersion: null, capacity: 1, busy: 0 };
    await store.heartbeat({ ...worker, state: 'ready', runIds: [], startedAt: new Date().toISOString(), labels: {} });
    for (const run of (await store.list({ limit: 100 })).runs) {
      if (run.status === 'queued') await store.cancel(run.id);
      if (run.status === 'running') await store.finish({ runId: run.id, attempt: run.attempt, workerId: run.workerId ?? '' }, FAILED);
    }
    for (const run of (await store.list({ limit: 100 })).runs) await store.delete(run.id);
    await store.leave('wrk_1');
    expect(await keysLeft()).toEqual([]);
  });
});
