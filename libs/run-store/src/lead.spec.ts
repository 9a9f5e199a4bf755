// The lead in a job: one holder at a time, another when it is silent or resigns.
import { waitFor } from '@runyard/testing';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunStore } from './index.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ redis, store } = stand));

test('20 at once: one leads, in each job', async () => {
  for (const job of ['one', 'two']) {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => store.lead(job, `holder ${i}`, 60_000)));
    expect(answers.filter(Boolean)).toHaveLength(1);
  }
});

test('the holder prolongs its lead, nobody else takes it', async () => {
  expect(await store.lead('kept', 'a', 1000)).toBe(true);
  expect(await store.lead('kept', 'a', 60_000)).toBe(true);
  expect(await redis.pttl('runyard:leader:kept')).toBeGreaterThan(10_000);
  expect(await store.lead('kept', 'b', 60_000)).toBe(false);
  expect(await redis.get('runyard:leader:kept')).toBe('a');
});

test('a silent holder loses it', async () => {
  expect(await store.lead('silent', 'a', 20)).toBe(true);
  await waitFor(() => store.lead('silent', 'b', 60_000), { what: 'another leader' });
  expect(await store.lead('silent', 'a', 20)).toBe(false);
});

test('who resigns gives it up; who does not lead cannot', async () => {
  expect(await store.lead('resigned', 'a', 60_000)).toBe(true);
  await store.resign('resigned', 'b');
  expect(await store.lead('resigned', 'b', 60_000)).toBe(false);
  await store.resign('resigned', 'a');
  await store.resign('resigned', 'a');
  expect(await store.lead('resigned', 'b', 60_000)).toBe(true);
});
