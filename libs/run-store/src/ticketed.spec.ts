// Which queued runs should have a ticket, page by page; and the names of runs.
import { newId } from '@runyard/domain';
import { temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { RunStore } from './run-store.js';
import { claimed, created, finished, REQUEST } from './store.fixture.js';

let redis: TestRedis;
let dir: TemporaryDirectory;
let store: RunStore;

beforeAll(async () => {
  [redis, dir] = await Promise.all([testRedis(), temporaryDirectory()]);
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: dir.path });
}, 300_000);
afterAll(async () => {
  await store.close();
  await redis.stop();
  await dir.remove();
});
beforeEach(() => redis.flush());

/** A queued run whose ticket was sent. */
async function sent(): Promise<string> {
  const { id } = await created(store);
  await store.dispatched({ runId: id, dispatch: 1 });
  return id;
}

test('only runs whose ticket was sent and not yet claimed should have one', async () => {
  const waiting = await sent();
  await created(store); // still in the outbox
  const first = await created(store);
  await claimed(store, { runId: first.id, dispatch: 1 });
  await created(store, { ...REQUEST, session_id: first.sessionId }); // waits for its session
  await finished(store);
  const back = await created(store);
  const { lease } = await claimed(store, { runId: back.id, dispatch: 1 });
  await store.requeue(lease, 'test');
  expect(await store.queued.ticketed('', 100)).toEqual({ dispatches: [{ runId: waiting, dispatch: 1 }], next: '' });
  await store.dispatched({ runId: back.id, dispatch: 2 });
  expect((await store.queued.ticketed('', 100)).dispatches).toEqual(expect.arrayContaining([{ runId: waiting, dispatch: 1 }, { runId: back.id, dispatch: 2 }]));
});

test('pages lead through all of them once, and the last one says so', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 7; i += 1) ids.push(await sent());
  const seen: string[] = [];
  let after = '';
  do {
    const page = await store.queued.ticketed(after, 3);
    expect(page.dispatches.length).toBeLessThanOrEqual(3);
    seen.push(...page.dispatches.map(({ runId }) => runId));
    after = page.next;
  } while (after !== '');
  expect(seen.toSorted()).toEqual(ids.toSorted());
});

test('names of those runs that have one', async () => {
  const [named, unnamed] = [await created(store, { ...REQUEST, name: 'nightly' }), await created(store)];
  expect(await store.names([named.id, unnamed.id, named.id, newId('run'), 'no id', ''])).toEqual(new Map([[named.id, 'nightly']]));
  expect(await store.names([])).toEqual(new Map());
});
