// Lists and forgetting: complete pages in a stable order, and nothing left behind.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId, newSessionId } from '@runyard/domain';
import { temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { InvalidPageError, RunStore } from './index.js';
import type { ListQuery } from './index.js';
import { created, FAILED, finished, REQUEST, started } from './store.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;

beforeAll(async () => {
  server = await testRedis();
  directory = await temporaryDirectory();
  redis = new Redis(server.connection);
  store = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path });
}, 300_000);
afterAll(async () => {
  await store.close();
  redis.disconnect();
  await server.stop();
  await directory.remove();
});
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
      else await redis.hset(`runyard:run:${id}`, 'status', 'canceled');
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
    expect(await redis.keys('*')).toEqual([]);
    expect(await readdir(join(directory.path, 'runs'))).toEqual([]);
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
      if (run.status === 'running') await store.finish({ runId: run.id, attempt: run.attempt }, FAILED);
    }
    for (const run of (await store.list({ limit: 100 })).runs) await store.delete(run.id);
    await store.leave('wrk_1');
    expect(await redis.keys('*')).toEqual([]);
  });
});
