// Which API processes are there: each once, and not for long after the last word of it.
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunStore } from './index.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let stores: readonly RunStore[];
onStoreStand((stand) => ({ redis, stores } = stand), { stores: 3 });

const info = (viewers: number) => ({ host: 'häuschen', version: '0.1.0', startedAt: '2026-01-01T00:00:00.000Z', viewers });

test('each is there once, with what it said last, until it leaves', async () => {
  const [a, b, c] = stores.map((store) => store.apiReplicas);
  if (!a || !b || !c) throw new Error('three stores');
  for (const [viewers, replica] of [a, b, c, a, a].entries()) await replica.heartbeat(info(viewers));
  const seen = await b.list();
  expect(seen.toSorted((x, y) => x.viewers - y.viewers)).toEqual([{ id: b.ownId, ...info(1) }, { id: c.ownId, ...info(2) }, { id: a.ownId, ...info(4) }]);
  await a.leave();
  await a.leave();
  expect((await b.list()).map(({ id }) => id)).toEqual([b.ownId, c.ownId].toSorted());
});

test('one that is not heard of for 15 s is gone, and nothing of it is left', async () => {
  const [a, b] = stores.map((store) => store.apiReplicas);
  await a?.heartbeat(info(0));
  await b?.heartbeat(info(0));
  const key = `runyard:apis:${a?.ownId}`;
  const ttl = await redis.pttl(key);
  expect(ttl).toBeGreaterThan(10_000);
  expect(ttl).toBeLessThanOrEqual(15_000);
  expect(await redis.pttl('runyard:apis')).toBeGreaterThan(0);
  await redis.pexpire(key, 0);
  expect((await b?.list())?.map(({ id }) => id)).not.toContain(a?.ownId);
  expect(await redis.sismember('runyard:apis', a?.ownId ?? '')).toBe(0);
  await redis.del('runyard:apis');
  await b?.heartbeat(info(7));
  expect(await b?.list()).toEqual([{ id: b?.ownId, ...info(7) }]);
});
