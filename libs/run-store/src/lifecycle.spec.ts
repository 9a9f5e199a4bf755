// Following all runs: complete and in order from any number that is kept, and an honest reset from any other.
import { waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { LifecycleEvent, LifecycleReset, RunStore } from './index.js';
import { lifecycleMessageOf } from './lifecycle.js';
import { created, delta, finished, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let server: TestRedis;
let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ server, redis, store } = stand));
beforeEach(() => server.flush());

function following(after: number) {
  const seen: (LifecycleEvent | LifecycleReset)[] = [];
  const end = new AbortController();
  const done = (async () => {
    for await (const event of store.lifecycle.follow({ after, signal: end.signal })) seen.push(event);
  })();
  onTestFinished(async () => {
    end.abort();
    await done;
  });
  return seen;
}

const shown = (events: readonly (LifecycleEvent | LifecycleReset)[]) => events.map((event) => (event.kind === 'reset' ? 'reset' : `${event.runId} ${event.event.id} ${event.event.type}`));
const numbersOf = (events: readonly (LifecycleEvent | LifecycleReset)[]) => events.map((event) => event.number);

test('what happens to every run, without its output, with dense numbers; before the first event too', async () => {
  const start = await store.lifecycle.last();
  const live = following(start);
  const { id, lease } = await started(store);
  await store.append(lease, 1, [delta('x'), { type: 'permission.requested', data: '{"request_id":"r"}' }, { type: 'log.stderr', data: '{}' }]);
  const other = await created(store);
  await store.finish(lease, SUCCEEDED);
  await waitFor(() => live.length === 5, { what: 'five events' });
  expect(shown(live)).toEqual([`${id} 0-1 run.queued`, `${id} 1-2 run.started`, `${id} 1-4 permission.requested`, `${other.id} 0-1 run.queued`, `${id} 1-6 run.finished`]);
  expect(numbersOf(live)).toEqual([1, 2, 3, 4, 5].map((n) => start + n));
  const [, again] = live;
  const resumed = following(again?.number ?? 0);
  await waitFor(() => resumed.length === 3, { what: 'the rest again' });
  expect(resumed).toEqual(live.slice(2));
  const event = live[4];
  expect(event?.kind === 'event' && JSON.parse(event.event.data.toString())).toEqual(SUCCEEDED);
});

test('long data is cut, and says so', async () => {
  const live = following(await store.lifecycle.last());
  const { lease } = await started(store);
  await store.finish(lease, { ...SUCCEEDED, result: 'x'.repeat(5000) });
  const end = await waitFor(() => live.find((event) => event.kind === 'event' && event.event.type === 'run.finished'), { what: 'the end' });
  expect(end.kind === 'event' && end.event.data.toString()).toBe('{"truncated":true,"status":"succeeded"}');
});

test('hundreds at once, with the connection of the subscriber cut: none is missing and none comes twice', async () => {
  const start = await store.lifecycle.last();
  const live = following(start);
  for (let batch = 0; batch < 6; batch++) {
    await Promise.all(Array.from({ length: 60 }, () => created(store)));
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  }
  await waitFor(() => live.length >= 360, { what: 'all events', timeoutMs: 60_000 });
  expect(numbersOf(live)).toEqual(Array.from({ length: 360 }, (_, n) => start + n + 1));
});

test.each([
  ['later than the last', async () => (await store.lifecycle.last()) + 1000],
  ['from before a loss of data', async () => 7],
  ['that never was one', async () => -1],
])('a number %s: a reset, then live', async (_what, numberOf) => {
  await finished(store);
  const live = following(await numberOf());
  await waitFor(() => live.length === 1, { what: 'the reset' });
  const run = await created(store);
  await waitFor(() => live.length === 2, { what: 'what came later' });
  expect(shown(live)).toEqual(['reset', `${run.id} 0-1 run.queued`]);
});

test('events that were trimmed away: a reset', async () => {
  const start = await store.lifecycle.last();
  await finished(store);
  await redis.xtrim('runyard:lifecycle', 'MAXLEN', 1);
  const live = following(start);
  await waitFor(() => live.length === 1, { what: 'the reset' });
  expect(shown(live)).toEqual(['reset']);
  const kept = following((live[0]?.number ?? 0) - 1);
  await waitFor(() => kept.length === 1, { what: 'what is kept' });
  expect(kept[0]?.kind).toBe('event');
});

test('what cannot be read as an event is left to the stream', () => {
  for (const payload of ['', 'x', '1 run_a', '1 run_a\n', 'x run_a\n1-1 1 3 2\nabc{}', '1 run_a\n1-1 1 3 9\nabc{}']) expect(lifecycleMessageOf(Buffer.from(payload))).toBeUndefined();
  expect(lifecycleMessageOf(Buffer.from('12 run_a\n1-1 1 3 2\nabc{}'))).toMatchObject({ number: 12, runId: 'run_a', event: { id: '1-1', type: 'abc' } });
});
