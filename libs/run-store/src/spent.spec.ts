// What a run has cost is not forgotten when it ends without a worker.
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunStore } from './index.js';
import type { ParkInput, SpentSoFar } from './index.js';
import { ABANDONED, CANCELED } from './outcomes.js';
import { claimed, expireLease, logOf, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ redis, store } = stand));

const spent: SpentSoFar = { usage: { input_tokens: 10, output_tokens: 20, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }, cost_usd: 1.23456789, cost_estimated: false, num_turns: 3, duration_ms: 61_000 };
const WAITS: ParkInput = { waitingFor: 'recovery', left: 'recovery', detail: 'Bash was under way', spent };
const outcomeOf = async (id: string) => (await store.get(id))?.outcome;

test('canceled or abandoned while it waits; the last event says the same', async () => {
  const canceled = await started(store);
  await store.park(canceled.lease, WAITS);
  await store.cancel(canceled.id);
  expect(await outcomeOf(canceled.id)).toEqual({ ...CANCELED, ...spent });
  expect(JSON.parse(String((await logOf(store, canceled.id)).events.at(-1)?.data))).toEqual({ ...CANCELED, ...spent });
  const abandoned = await started(store);
  await store.park(abandoned.lease, WAITS);
  for (let time = 0; time < 2; time += 1) expect(await store.recover(abandoned.id, 'abandon')).toMatchObject({ kind: 'recovered', run: { outcome: { ...ABANDONED, ...spent } } });
});

test('canceled before, by the script that lets it go', async () => {
  for (const leave of [(run: Awaited<ReturnType<typeof started>>) => store.park(run.lease, WAITS), (run: Awaited<ReturnType<typeof started>>) => store.handOver(run.lease, undefined, spent)]) {
    const run = await started(store);
    await store.cancel(run.id);
    await leave(run);
    expect(await outcomeOf(run.id)).toEqual({ ...CANCELED, ...spent });
  }
});

test('of the first attempt that was lost nothing is known: the null says that it stands for something', async () => {
  const unknown = { ...CANCELED, cost_estimated: true };
  const later = await started(store);
  await store.noteSpawn(later.lease);
  await expireLease(redis, later.lease);
  await store.redispatchLost(later.id);
  await store.cancel(later.id);
  expect(await outcomeOf(later.id)).toEqual(unknown);
  const before = await started(store);
  await store.noteSpawn(before.lease);
  await store.cancel(before.id);
  await expireLease(redis, before.lease);
  await store.redispatchLost(before.id);
  expect(await outcomeOf(before.id)).toEqual(unknown);
  // Nothing was started, so nothing was used up.
  const unbegun = await started(store);
  await expireLease(redis, unbegun.lease);
  await store.redispatchLost(unbegun.id);
  await store.cancel(unbegun.id);
  expect(await outcomeOf(unbegun.id)).toEqual(CANCELED);
});

test('what an attempt after that has used up is not known: it says so. One that comes to its end says it all itself', async () => {
  const first = await started(store);
  const second = await claimed(store, (await store.handOver(first.lease, undefined, spent))!);
  await store.noteSpawn(second.lease);
  await store.cancel(first.id);
  await expireLease(redis, second.lease);
  await store.redispatchLost(first.id);
  expect(await outcomeOf(first.id)).toEqual({ ...CANCELED, ...spent, cost_estimated: true });
  const run = await started(store);
  const next = await claimed(store, (await store.handOver(run.lease, undefined, spent))!);
  await store.finish(next.lease, SUCCEEDED);
  expect(await outcomeOf(run.id)).toEqual(SUCCEEDED);
});
