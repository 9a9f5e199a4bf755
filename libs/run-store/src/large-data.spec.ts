// Data too large for Redis: readers get the bytes that were appended, Redis gets a few, and a lost file breaks nothing.
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunStore } from './index.js';
import type { NewEvent, StoredEvent } from './index.js';
import { claimed, delta, following, linesOf, logOf, message, started, SUCCEEDED } from './store.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;
const errors: Error[] = [];

beforeAll(async () => {
  server = await testRedis();
  directory = await temporaryDirectory();
  redis = new Redis(server.connection);
  store = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path, inlineBytes: 1000, onError: (error) => errors.push(error) });
}, 300_000);
afterAll(async () => {
  await store.close();
  redis.disconnect();
  await server.stop();
  await directory.remove();
});

const linesDir = (id: string): string => join(directory.path, 'runs', id, 'lines');
/** Bytes of any kind, not only text. */
const large = (bytes = 5000): NewEvent => ({ type: 'claude.user', data: Buffer.concat([Buffer.from('{"type":"user","x":"'), randomBytes(bytes), Buffer.from('"}')]) });
const bytesOf = (events: readonly (NewEvent | StoredEvent)[]): string[] => events.filter(({ type }) => !type.startsWith('run.')).map(({ data }) => Buffer.from(data).toString('base64'));

async function streamBytes(id: string): Promise<number> {
  const rows = await redis.xrangeBuffer(`runyard:run:${id}:events`, '-', '+');
  return rows.reduce((sum, [, fields]) => sum + (fields[5]?.length ?? 0), 0);
}

test('pages, followers, the blob and what is left of the stream give the same bytes', async () => {
  const { id, lease } = await started(store);
  const live = [following(store, id), following(store, id, { deltas: false })];
  const sent = [message('a'), large(), delta('b'), { type: 'claude.stream_event', data: `{"type":"stream_event","x":"${'y'.repeat(2000)}"}` } as const, large(40_000), message('c')];
  await store.append(lease, 1, sent.slice(0, 2));
  await store.append(lease, 2, sent.slice(2));
  const last = [large(2000), message('ü'.repeat(600))];
  await store.finish(lease, SUCCEEDED, { number: 3, events: last });
  const { events } = await logOf(store, id);
  expect(bytesOf(events)).toEqual(bytesOf([...sent, ...last]));
  expect(await streamBytes(id)).toBeLessThan(2000);
  await Promise.all(live.map(({ done }) => done));
  expect(linesOf(live[0]?.events ?? [])).toEqual(linesOf(events));
  const kept = events.filter(({ type }) => type !== 'claude.stream_event');
  expect(linesOf(live[1]?.events ?? [])).toEqual(linesOf(kept));
  await store.compact(id);
  await redis.del(`runyard:run:${id}:events`);
  expect((await logOf(store, id)).events).toEqual(kept);
  const late = following(store, id);
  await late.done;
  expect(linesOf(late.events)).toEqual(linesOf(kept));
  expect((await readdir(linesDir(id))).toSorted()).toEqual(['1-1-1', '1-2-1', '1-2-2', '1-3-0', '1-3-1']);
  expect(await store.delete(id)).toBe('deleted');
  await expect(readdir(linesDir(id))).rejects.toThrow('ENOENT');
});

test('a follower that lives off what is published never sees a reference', async () => {
  const { id, lease } = await started(store);
  const live = following(store, id);
  const sent: NewEvent[] = [];
  for (let number = 1; number <= 20; number++) {
    const events = [message(String(number)), large(1200)];
    sent.push(...events);
    await store.append(lease, number, events);
  }
  await store.finish(lease, SUCCEEDED);
  await live.done;
  expect(bytesOf(live.events)).toEqual(bytesOf(sent));
});

test('a page is bounded by the bytes that it gives, not by those in Redis', async () => {
  const { id, lease } = await started(store);
  await store.append(lease, 1, Array.from({ length: 8 }, () => large(400_000)));
  const page = await store.readEvents(id, { limit: 100 });
  expect(page?.events.length).toBeLessThan(8);
  expect(bytesOf((await logOf(store, id, { limit: 100 })).events)).toHaveLength(8);
  await store.finish(lease, SUCCEEDED);
  await store.compact(id);
  await redis.del(`runyard:run:${id}:events`);
  expect((await store.readEvents(id, { limit: 100 }))?.events.length).toBeLessThan(8);
});

test('the same flush again gives the same files and one event; the next attempt has its own', async () => {
  const { id, lease } = await started(store);
  const [first, second] = [large(), large()];
  const answer = await store.append(lease, 1, [first]);
  expect(await store.append(lease, 1, [first])).toEqual(answer);
  await store.requeue(lease, 'drain');
  const next = await claimed(store, { runId: id, dispatch: 2 });
  await store.append(next.lease, 1, [second]);
  // Whoever lost the run writes into files of its own attempt, which no event names.
  expect(await store.append(lease, 2, [large()])).toEqual({ kind: 'lost' });
  expect(bytesOf((await logOf(store, id)).events)).toEqual(bytesOf([first, second]));
  expect((await readdir(linesDir(id))).toSorted()).toEqual(['1-1-0', '1-2-0', '2-1-0']);
});

test.each([
  ['gone', (path: string) => rm(path)],
  ['cut off', async (path: string) => writeFile(path, (await readFile(path)).subarray(0, 100))],
])('a file that is %s: a note of its type with its size, and the rest of the log', async (_, change) => {
  const { id, lease } = await started(store);
  await store.append(lease, 1, [message('a'), large(5000), { type: 'log.stderr', data: JSON.stringify({ text: 'z'.repeat(3000) }) }, message('b')]);
  for (const name of await readdir(linesDir(id))) await change(join(linesDir(id), name));
  const texts = (await logOf(store, id)).events.slice(2).map(({ data }) => JSON.parse(data.toString()) as unknown);
  expect(texts).toEqual([
    { type: 'assistant', text: 'a' },
    { type: 'user', truncated: true, bytes: 5022 },
    { truncated: true, bytes: 3011 },
    { type: 'assistant', text: 'b' },
  ]);
});

test('large data within parts of a long log: the same bytes before and after compaction', async () => {
  const both = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path, inlineBytes: 1000, liveLogBytes: 3000 });
  try {
    const { id, lease } = await started(both);
    const live = following(both, id);
    const sent = Array.from({ length: 120 }, (_, i) => (i % 4 === 0 ? large(1500) : message(String(i))));
    for (let number = 1; number <= 12; number++) await both.append(lease, number, sent.slice(number * 10 - 10, number * 10));
    expect((await redis.hget(`runyard:run:${id}`, 'log_parts'))?.split(' ').length).toBeGreaterThan(2);
    expect(bytesOf((await logOf(store, id)).events)).toEqual(bytesOf(sent));
    await both.finish(lease, SUCCEEDED);
    await live.done;
    expect(bytesOf(live.events)).toEqual(bytesOf(sent));
    await both.compact(id);
    await redis.del(`runyard:run:${id}:events`);
    expect(bytesOf((await logOf(store, id)).events)).toEqual(bytesOf(sent));
  } finally {
    await both.close();
  }
});

test('what cannot be written to a file goes to Redis as it is', async () => {
  const { id, lease } = await started(store);
  await writeFile(join(directory.path, 'runs', id), 'in the way');
  errors.length = 0;
  const event = large();
  await store.append(lease, 1, [event]);
  expect(bytesOf((await logOf(store, id)).events)).toEqual(bytesOf([event]));
  expect(errors).toHaveLength(1);
});

test('data that only looks like a reference is data', async () => {
  const { id, lease } = await started(store);
  const sent = ['\u{1}', '\u{1}12 ../../etc/passwd', `\u{1}1 1-1-1 ${'x'.repeat(100)}`].map((data) => ({ type: 'claude.user', data }) as const);
  await store.append(lease, 1, sent);
  expect(bytesOf((await logOf(store, id)).events)).toEqual(bytesOf(sent));
});
