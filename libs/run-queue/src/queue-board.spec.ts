// What the dashboard shows of tickets, and which tickets are missing.
import { testRedis, waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { QueueUnavailableError, RunConsumer, RunQueue } from './index.js';
import { DEFAULT_PREFIX, QUEUE_NAME } from './queue-settings.js';

let redis: TestRedis;
let queue: RunQueue;
let raw: Queue;

beforeAll(async () => {
  redis = await testRedis();
}, 300_000);
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.flush();
  queue = RunQueue.open({ redis: redis.connection });
  raw = new Queue(QUEUE_NAME, { connection: redis.connection, prefix: DEFAULT_PREFIX });
  raw.on('error', () => undefined); // Redis goes away on purpose
});
afterEach(async () => void (await Promise.all([queue.close(), raw.close()])));

const [a, b, c, d] = ['run_a', 'run_b', 'run_c', 'run_d'].map((runId) => ({ runId, dispatch: 1 })) as [Dispatch, Dispatch, Dispatch, Dispatch];
interface Dispatch {
  readonly runId: string;
  readonly dispatch: number;
}

test('a ticket that waits or is being worked on is there; one that is over or was removed is missing, and can be sent again', async () => {
  const letGo = Promise.withResolvers<void>();
  onTestFinished(() => letGo.resolve());
  const handle = async ({ runId }: Dispatch): Promise<void> => {
    if (runId === 'run_a') await letGo.promise;
    if (runId === 'run_c') throw new Error('broken');
  };
  for (const dispatch of [a, b, c]) await queue.enqueue(dispatch);
  const consumer = RunConsumer.open({ redis: redis.connection, capacity: 3, handle });
  onTestFinished(() => consumer.close({ force: true }));
  await waitFor(async () => (await raw.getCompletedCount()) === 1 && (await raw.getFailedCount()) === 1 && (await raw.getActiveCount()) === 1, { what: 'one ticket of each kind' });
  await consumer.pause();
  await queue.enqueue(d);
  expect(await queue.withoutTicket([a, b, c, d, { runId: 'run_e', dispatch: 1 }, { runId: 'run_a', dispatch: 2 }])).toEqual([b, c, { runId: 'run_e', dispatch: 1 }, { runId: 'run_a', dispatch: 2 }]);
  for (const dispatch of [b, c]) await queue.enqueue(dispatch);
  expect(await queue.withoutTicket([b, c])).toEqual([]);
  await raw.remove('run_b.1');
  expect(await queue.withoutTicket([b, c])).toEqual([b]);
});

test('a delayed ticket is not missing', async () => {
  await raw.add('run', { v: 1, ...a }, { jobId: 'run_a.1', delay: 3_600_000 });
  expect(await queue.withoutTicket([a])).toEqual([]);
});

test('tickets are shown under the names of their runs, asked for together; one put in by hand keeps its own', async () => {
  const asked: (readonly string[])[] = [];
  const board = queue.forBoard(async (ids) => {
    asked.push(ids);
    return new Map([['run_a', 'nightly']]);
  });
  for (const dispatch of [a, b]) await queue.enqueue(dispatch);
  await raw.add('odd', { hello: 'world' }, { jobId: 'odd-one' });
  const shown = await board.getJobs(['waiting', 'prioritized'], 0, 10);
  expect(new Map(shown.map(({ id, name }) => [id, name]))).toEqual(new Map([['run_a.1', 'run_a · nightly'], ['run_b.1', 'run_b'], ['odd-one', 'odd']]));
  expect(asked.map((ids) => ids.toSorted())).toEqual([['run_a', 'run_b']]);
  expect((await board.getJob('run_a.1'))?.name).toBe('run_a · nightly');
  expect(await board.getJob('nobody')).toBeUndefined();
  expect((await raw.getJob('run_a.1'))?.name).toBe('run'); // what is kept says nothing
});

test('priorities are those of BullMQ, listed last to first, as the description says', async () => {
  for (const [dispatch, priority] of [[a, 0], [b, 10], [c, -10]] as const) await queue.enqueue({ ...dispatch, priority });
  const board = queue.forBoard(async () => new Map());
  const shown = await board.getJobs(['prioritized'], 0, 10);
  expect(shown.map(({ id, priority }) => [id, priority])).toEqual([['run_c.1', 21], ['run_a.1', 11], ['run_b.1', 1]]);
  expect(board.getDescription()).toContain('Priority 1 is taken first, 11 is the default, 21 comes last');
});

test('without Redis nobody is told that tickets are missing', async () => {
  await queue.enqueue(a);
  await redis.kill();
  await expect(queue.withoutTicket([a])).rejects.toBeInstanceOf(QueueUnavailableError);
  await expect(queue.ping()).rejects.toBeInstanceOf(QueueUnavailableError);
  await redis.restart();
  await waitFor(() => queue.ping().then(() => true, () => false), { what: 'the queue' });
  expect(await queue.withoutTicket([a])).toEqual([]);
});
