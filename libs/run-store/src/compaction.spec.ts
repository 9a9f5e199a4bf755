// Compaction: the finished log replays as before without partial text, from Redis or a file, and nobody sees the swap.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { LogUnreadableError } from './index.js';
import type { NewEvent, RunStore, StoredEvent } from './index.js';
import { logPath } from './log-blob.js';
import { delta, finished, following, linesOf, logOf, message, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ server, directory, redis, store } = stand));
beforeEach(() => server.flush());

const noise = (bytes: number): NewEvent => ({ type: 'claude.user', data: randomBytes(bytes) });
const small = (): NewEvent[] => [delta('a'), message('one'), delta('b'), delta('c'), message('two'), { type: 'claude.stream_events', data: '{}' }, delta('d')];
const large = (): NewEvent[] => [...small(), ...Array.from({ length: 30 }, () => [noise(5000), delta('x')]).flat(), noise(200_000)];

/** What compaction must leave, and only that. */
const kept = (events: readonly StoredEvent[]) => events.filter(({ type }) => type !== 'claude.stream_event');

describe.each([
  ['redis', small],
  ['file', large],
] as const)('a log that goes to: %s', (place, events) => {
  test('replays as before, apart from partial text', async () => {
    const { id } = await finished(store, events());
    const before = await logOf(store, id);
    await store.compact(id);
    expect(await store.get(id)).toMatchObject({ log: place });
    expect(await redis.exists(`runyard:run:${id}:log`)).toBe(place === 'redis' ? 1 : 0);
    // Whoever is in the middle still reads the stream, which ends by itself.
    expect((await logOf(store, id)).events).toEqual(before.events);
    const seconds = await redis.ttl(`runyard:run:${id}:events`);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    await redis.del(`runyard:run:${id}:events`);
    const after = await logOf(store, id);
    expect(after).toEqual({ events: kept(before.events), end: true });
    expect(kept(before.events).length).toBeLessThan(before.events.length);
  });

  test('can be read and followed from any id, dropped ones included', async () => {
    const { id } = await finished(store, events());
    const { events: all } = await logOf(store, id);
    await store.compact(id);
    await redis.del(`runyard:run:${id}:events`);
    for (const after of [...all.map((event) => event.id).filter((_, i) => i < 12 || i % 9 === 0), '0-1', '1-999999', '7-1']) {
      const rest = kept(all).filter((event) => Number(event.id.split('-')[1]) > Number(after.split('-')[1]) && !after.startsWith('7'));
      expect(linesOf((await logOf(store, id, { after, limit: 20 })).events)).toEqual(linesOf(rest));
      const { events: followed, done } = following(store, id, { after });
      await done;
      expect(linesOf(followed)).toEqual(linesOf(rest));
    }
  });

  test('readers and followers at work during the swap see no hole', async () => {
    const { id, lease } = await started(store);
    const live = [following(store, id), following(store, id, { deltas: false })];
    await store.append(lease, 1, events());
    await store.finish(lease, SUCCEEDED);
    const { events: all } = await logOf(store, id);
    const swap = { done: false };
    const readers = Array.from({ length: 4 }, async () => {
      const seen: string[][] = [];
      do seen.push(linesOf((await logOf(store, id, { deltas: false, limit: 4 })).events));
      while (!swap.done);
      return seen;
    });
    const late = Array.from({ length: 4 }, () => following(store, id, { deltas: false }));
    await store.compact(id);
    await redis.del(`runyard:run:${id}:events`);
    swap.done = true;
    for (const seen of await Promise.all(readers)) for (const lines of seen) expect(lines).toEqual(linesOf(kept(all)));
    await Promise.all([...live, ...late].map(({ done }) => done));
    expect(linesOf(live[0]?.events ?? [])).toEqual(linesOf(all));
    for (const { events: seen } of [...live.slice(1), ...late]) expect(linesOf(seen)).toEqual(linesOf(kept(all)));
  });

  test('twice, five times at once, and once more later: the same', async () => {
    const { id } = await finished(store, events());
    const { events: all } = await logOf(store, id);
    expect(await store.pendingCompactions(0, 10)).toEqual([id]);
    await Promise.all(Array.from({ length: 5 }, () => store.compact(id)));
    await redis.del(`runyard:run:${id}:events`);
    await store.compact(id);
    expect(await store.pendingCompactions(0, 10)).toEqual([]);
    expect((await logOf(store, id)).events).toEqual(kept(all));
    if (place === 'file') expect(await readdir(join(directory.path, 'runs', id))).toEqual(['log.zst']);
  });
});

describe('what compaction leaves alone', () => {
  test('live runs and unknown runs', async () => {
    const { id, lease } = await started(store);
    await store.append(lease, 1, [delta('a')]);
    await store.compact(id);
    await store.compact('run_none');
    expect(await store.get(id)).toMatchObject({ log: 'stream' });
    expect(await redis.ttl(`runyard:run:${id}:events`)).toBe(-1);
  });

  test('a run deleted while it was compacted: nothing comes back', async () => {
    for (let i = 0; i < 10; i++) {
      const { id } = await finished(store, large());
      const [, answer] = await Promise.all([store.compact(id).catch((error: unknown) => expect(error).toBeInstanceOf(LogUnreadableError)), store.delete(id)]);
      expect(answer).toBe('deleted');
      await store.compact(id);
      expect(await redis.keys(`*${id}*`)).toEqual([]);
      expect(await store.pendingCompactions(0, 10)).toEqual([]);
    }
  });

  test('a data directory that cannot be written: an error, and the stream stays', async () => {
    const { id } = await finished(store, large());
    const { events: all } = await logOf(store, id);
    await mkdir(join(directory.path, 'runs'), { recursive: true });
    await writeFile(join(directory.path, 'runs', id), 'in the way');
    await expect(store.compact(id)).rejects.toThrow(/EEXIST|ENOTDIR/);
    // It has its turn again, after the others.
    expect([await store.pendingCompactions(0, 10), await store.pendingCompactions(-120_000, 10)]).toEqual([[], [id]]);
    expect((await logOf(store, id)).events).toEqual(all);
    await rm(join(directory.path, 'runs', id));
    await store.compact(id);
    expect(await store.get(id)).toMatchObject({ log: 'file' });
  });
});

describe('a finished log that is damaged', () => {
  async function damaged(change: (id: string) => Promise<unknown>): Promise<string> {
    const { id } = await finished(store, large());
    await store.compact(id);
    await redis.del(`runyard:run:${id}:events`);
    await change(id);
    return id;
  }

  test.each([
    ['missing', (id: string) => rm(logPath(directory.path, id))],
    ['cut off', async (id: string) => writeFile(logPath(directory.path, id), (await readFile(logPath(directory.path, id))).subarray(0, 100_000))],
    ['gone from Redis', (id: string) => redis.hset(`runyard:run:${id}`, 'log', 'redis')],
    ['never compacted and gone', (id: string) => redis.hset(`runyard:run:${id}`, 'log', 'stream')],
  ])('%s: a clear error, never a short log', async (_, change) => {
    const id = await damaged(change);
    await expect(logOf(store, id)).rejects.toThrow(LogUnreadableError);
    await expect(following(store, id).done).rejects.toThrow(new RegExp(id));
    expect((await store.get(id))?.status).toBe('succeeded');
  });
});
