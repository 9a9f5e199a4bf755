// What nobody needs any more: tickets that no worker would claim, directories of runs and sessions that are forgotten.
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId, newSessionId } from '@runyard/domain';
import { temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { RunStore } from './run-store.js';
import { claimed, created, finished, started } from './store.fixture.js';

let redis: TestRedis;
let dir: TemporaryDirectory;
let store: RunStore;
const HOUR_MS = 3_600_000;

beforeAll(async () => {
  redis = await testRedis();
}, 300_000);
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.flush();
  dir = await temporaryDirectory();
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: dir.path });
});
afterEach(async () => {
  await store.close();
  await dir.remove();
});

test('of no use: dispatches of runs that are over, gone, at work or waiting, and earlier ones', async () => {
  const queued = await created(store);
  const running = await started(store);
  const over = await finished(store);
  const again = await created(store);
  const { lease } = await claimed(store, { runId: again.id, dispatch: 1 });
  await store.requeue(lease, 'test');
  const gone = newId('run');
  const dispatches = [queued, running, over, again].map(({ id }) => ({ runId: id, dispatch: 1, kept: id })).concat({ runId: again.id, dispatch: 2, kept: 'latest' }, { runId: gone, dispatch: 1, kept: gone });
  expect(await store.queued.ofNoUse(dispatches)).toEqual([dispatches[1], dispatches[2], dispatches[3], dispatches[5]]);
  expect(await store.queued.ofNoUse([])).toEqual([]);
});

/** A directory in which nothing was made for so long. */
async function directory(kind: 'runs' | 'sessions', id: string, quietMs = 2 * HOUR_MS): Promise<string> {
  const path = join(dir.path, kind, id);
  await mkdir(join(path, 'workspace', 'deep'), { recursive: true });
  await writeFile(join(path, 'workspace', 'deep', 'file'), 'x');
  await touch(path, quietMs);
  return path;
}

async function touch(path: string, agoMs: number): Promise<void> {
  const time = new Date(Date.now() - agoMs);
  await utimes(path, time, time);
}

/** As if this Redis and this directory had been used together for a day. */
async function settleIn(): Promise<void> {
  await store.staleFiles.remove(1);
  await touch(join(dir.path, 'installation'), 24 * HOUR_MS);
}

const names = async (kind: 'runs' | 'sessions') => (await readdir(join(dir.path, kind))).toSorted();

/** Rounds until everything was looked at. */
async function removeAll(atATime = 100): Promise<number> {
  let removed = 0;
  for (let i = 0; i < 20; i++) removed += await store.staleFiles.remove(atATime);
  return removed;
}

test('directories that are forgotten and quiet are removed, and nothing else', async () => {
  await settleIn();
  const [queued, running, over] = [await created(store), (await started(store)).run, (await finished(store)).run];
  const known = [queued, running, over];
  for (const { id, sessionId } of known) {
    await directory('runs', id);
    await directory('sessions', sessionId);
  }
  const [goneRun, youngRun, goneSession] = [newId('run'), newId('run'), newSessionId()];
  await directory('runs', goneRun);
  await directory('runs', youngRun, HOUR_MS / 2);
  await directory('runs', 'not-ours');
  await directory('sessions', goneSession);
  const outside = await directory('sessions', 'outside');
  await symlink(outside, join(dir.path, 'sessions', newSessionId()));
  const before = await names('sessions');

  expect(await removeAll()).toBe(2);
  expect(await names('runs')).toEqual([...known.map(({ id }) => id), youngRun, 'not-ours'].toSorted());
  expect(await names('sessions')).toEqual(before.filter((name) => name !== goneSession));
  expect(await readdir(join(outside, 'workspace', 'deep'))).toEqual(['file']);
  expect(await removeAll()).toBe(0);
});

test('a round looks at a few, and all get their turn', async () => {
  await settleIn();
  for (let i = 0; i < 9; i++) await directory('runs', newId('run'));
  await directory('runs', (await created(store)).id);
  expect(await store.staleFiles.remove(2)).toBeLessThanOrEqual(2);
  expect((await names('runs')).length).toBeGreaterThanOrEqual(8);
  await removeAll(2);
  expect(await names('runs')).toHaveLength(1);
});

test('a Redis that was emptied or exchanged is not believed that everything is forgotten', async () => {
  await settleIn();
  await directory('runs', newId('run'));
  await redis.flush();
  await expect(removeAll()).rejects.toThrow('names another installation');
  expect(await names('runs')).toHaveLength(1);
});

test('what was there before the directory was used with this Redis stays', async () => {
  await directory('runs', newId('run'));
  expect(await removeAll()).toBe(0);
  expect(await names('runs')).toHaveLength(1);
});
