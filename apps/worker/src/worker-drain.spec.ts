// A worker that is asked to take no more, and a queue that gives none: what runs goes on, what waits is taken later or elsewhere.
import { httpCall, redisCommand, startBlackholeProxy, waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CAPACITY: '1' } });
const { submit, until, ended } = stand;

async function work(): Promise<TestWorker & { readonly id: string }> {
  const worker = await stand.work();
  return { ...worker, id: String((await worker.logged('worker ready'))['worker_id']) };
}

test('a worker that is asked to drain finishes what it has, takes no more and stays up', async () => {
  const first = await work();
  const long = await until(await submit({ prompt: '[[slow n=120 delay=50]]' }), 'the start', ({ status }) => status === 'running');
  expect(long.workerId).toBe(first.id);
  const next = await submit({ prompt: 'hello' });
  expect(await stand.store.drainWorker(first.id)).toBe(true);
  await first.logged('asked to drain: no more runs are taken');
  expect((await ended(long)).outcome?.status).toBe('succeeded');
  await waitFor(async () => (await stand.store.workers()).find(({ id, busy, state }) => id === first.id && busy === 0 && state === 'draining'), { what: 'an idle worker that drains' });
  expect((await stand.store.get(next.id))?.status).toBe('queued');
  const url = await first.url();
  expect([(await httpCall(url, '/livez')).status, (await httpCall(url, '/readyz')).status]).toEqual([200, 503]);
  const second = await work();
  expect(await ended(next)).toMatchObject({ workerId: second.id, outcome: { status: 'succeeded' } });
  expect(first.log.filter(({ msg }) => msg === 'run claimed')).toHaveLength(1);
});

test('a worker whose subscription was cut hears of it all the same', async () => {
  const worker = await work();
  // As if the signal had been lost: only the mark is there.
  await redisCommand(stand.redis.connection, 'SET', `runyard:worker:${worker.id}:drain`, '1', 'EX', '600');
  await worker.logged('asked to drain: no more runs are taken');
});

test('a paused queue gives nothing; resumed, the higher priority goes first, and a time that has come is kept', async () => {
  await stand.queue.pause();
  const worker = await work();
  const low = await submit({ prompt: 'low', priority: -5 });
  const high = await submit({ prompt: 'high', priority: 5 });
  const timed = await submit({ prompt: 'timed', priority: 10, run_at: new Date(Date.now() + 500).toISOString() });
  // The worker's own housekeeping makes its dispatch.
  await until(timed, 'its dispatch', ({ dispatch }) => dispatch === 1);
  expect((await stand.store.queued.backlog()).depth).toBe(3);
  expect(worker.log.some(({ msg }) => msg === 'run claimed')).toBe(false);
  await waitFor(async () => (await stand.queue.depth()) === 3, { what: 'three tickets' });
  await stand.queue.resume();
  const runs = await Promise.all([timed, high, low].map(ended));
  const starts = runs.map(({ startedAt }) => startedAt ?? '');
  expect(starts).toEqual(starts.toSorted());
  expect(runs.map(({ attempt, outcome }) => [attempt, outcome?.status])).toEqual([[1, 'succeeded'], [1, 'succeeded'], [1, 'succeeded']]);
});

test('a worker that has to stop while Redis is away does not wait for it once its leases are over; its run goes on elsewhere', async () => {
  const proxy = await startBlackholeProxy({ target: stand.redis.connection });
  onTestFinished(() => proxy.close());
  const first = await stand.work({ REDIS_URL: proxy.url, RUNYARD_DRAIN_TIMEOUT_SECONDS: '600' });
  const run = await submit({ prompt: '[[slow n=600 delay=100]]' });
  await stand.streaming(run);
  proxy.set({ kind: 'refuse' });
  first.kill('SIGTERM');
  await waitFor(() => first.log.some(({ msg }) => String(msg).startsWith('Redis is away')), { what: 'the worker to give up waiting', timeoutMs: 90_000 });
  await first.exited;
  await stand.gone(run);
  await work();
  await until(run, 'its second attempt', ({ attempt, status }) => attempt === 2 && status === 'running');
  await stand.store.cancel(run.id);
  await until(run, 'its end', ({ status }) => status === 'canceled');
});
