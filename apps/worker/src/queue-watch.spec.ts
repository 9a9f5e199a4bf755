// A worker that gets no tickets though Redis answers: its blocking reads fail, everything else works.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunConsumer, RunQueue } from '@runyard/run-queue';
import type { Ticket } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { redisCommand, startDemoModel, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestDemoModel, TestRedis, TestWorker } from '@runyard/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { watchQueue } from './queue-watch.js';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000 });

let redis: TestRedis;
let model: TestDemoModel;
let dir: TemporaryDirectory;
let store: RunStore;
let queue: RunQueue;

beforeAll(async () => {
  dir = await temporaryDirectory();
  await mkdir(join(dir.path, 'home'));
  [redis, model] = await Promise.all([testRedis(), startDemoModel()]);
  store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: join(dir.path, 'data') });
  queue = RunQueue.open({ redis: redis.connection });
}, 600_000);
afterAll(async () => {
  await Promise.all([store?.close(), queue?.close()]);
  await model?.stop();
  await redis?.stop();
  await dir?.remove();
});
beforeEach(async () => {
  await mayBlock(true);
  await redis.flush();
});

/** BullMQ waits for tickets with this command alone. */
async function mayBlock(allowed: boolean): Promise<void> {
  await redisCommand(redis.connection, 'ACL', 'SETUSER', 'default', `${allowed ? '+' : '-'}bzpopmin`);
}

async function submit(prompt: string): Promise<RunRecord> {
  const answer = await store.create({ request: { prompt, allowed_tools: ['Bash'] }, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  await queue.enqueue({ runId: answer.run.id, dispatch: 1 });
  await store.dispatched({ runId: answer.run.id, dispatch: 1 });
  return answer.run;
}

const until = (status: string, { id }: RunRecord) => waitFor(async () => (await store.get(id))?.status === status, { what: `${id} to be ${status}`, timeoutMs: 120_000 });

describe('the watch', () => {
  interface Watched {
    readonly consumer: RunConsumer;
    readonly taken: string[];
    readonly deaf: () => boolean;
    /** How often it has looked. */
    readonly looks: () => number;
    readonly release: () => void;
  }

  /** `from`: the watch begins at once, or when the first ticket is there, for which a consumer may have to wait. */
  function watched({ from = 'start', resting = false }: { readonly from?: 'start' | 'ticket'; readonly resting?: boolean } = {}): Watched {
    const taken: string[] = [];
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const handle = async ({ runId }: Ticket): Promise<void> => {
      taken.push(runId);
      if (from === 'ticket') watch();
      await released;
    };
    const consumer = RunConsumer.open({ redis: redis.connection, capacity: 1, handle });
    let [deaf, looks] = [false, 0];
    const counted = { busy: () => consumer.busy(), taken: () => (looks++, consumer.taken()) };
    let stop: (() => void) | undefined;
    const watch = () => (stop ??= watchQueue({ store, queue, consumer: counted, capacity: 1, resting: () => resting, limitMs: 300, onDeaf: () => (deaf = true) }));
    if (from === 'start') watch();
    onTestFinished(async () => {
      stop?.();
      release();
      await consumer.close({ force: true });
    });
    return { consumer, taken, deaf: () => deaf, looks: () => looks, release };
  }

  /** More than it takes to notice. */
  const manyLooks = async ({ looks }: Watched): Promise<void> => {
    const from = looks();
    await waitFor(() => looks() > from + 20, { what: 'many looks' });
  };

  test('a consumer that hears nothing is found, once somebody waits', async () => {
    await mayBlock(false);
    const one = watched();
    await manyLooks(one);
    expect(one.deaf()).toBe(false);
    await submit('x');
    await waitFor(one.deaf, { what: 'the watch to notice' });
    expect(one.taken).toEqual([]);
  });

  test('one that is busy, rests, or takes tickets is well', async () => {
    const one = watched({ from: 'ticket' });
    const [first] = [await submit('a'), await submit('b')];
    await waitFor(() => one.taken.length === 1, { what: 'the first ticket' });
    await waitFor(async () => ((await store.queued.backlog()).oldestWaitMs ?? 0) > 1000, { what: 'somebody to wait for long' });
    await manyLooks(one);
    expect([one.deaf(), one.taken]).toEqual([false, [first.id]]);
    await mayBlock(false);
    const resting = watched({ resting: true });
    await manyLooks(resting);
    expect(resting.deaf()).toBe(false);
  });

  test('one whose queue is paused, or whose runs have lost their tickets, is well', async () => {
    await queue.pause();
    const one = watched();
    const { id } = await submit('x');
    await waitFor(async () => ((await store.queued.backlog()).oldestWaitMs ?? 0) > 1000, { what: 'somebody to wait for long' });
    await manyLooks(one);
    expect(one.deaf()).toBe(false);
    await queue.withdraw({ runId: id, dispatch: 1 });
    await queue.resume();
    await manyLooks(one);
    expect(one.deaf()).toBe(false);
  });
});

test('a worker that hears nothing finishes what it has and exits with 1; the next one takes what waited', async () => {
  const environment = {
    HOME: join(dir.path, 'home'),
    REDIS_URL: redis.url,
    RUNYARD_DATA_DIR: join(dir.path, 'data'),
    RUNYARD_CAPACITY: '2',
    RUNYARD_QUEUE_SILENCE_SECONDS: '2',
    ANTHROPIC_BASE_URL: model.url,
    ANTHROPIC_API_KEY: 'sk-test-0123456789abcdef',
  };
  const work = (): TestWorker => {
    const worker = startWorker(environment);
    onTestFinished(async () => void (await worker.stop()));
    return worker;
  };
  const worker = work();
  await worker.logged('worker ready');
  // It ends when the worker has been called deaf: where a run ends, the queue is asked for the next one without waiting.
  const over = join(dir.path, 'over');
  const long = await submit(`[[bash cmd="until test -e ${over}; do sleep 0.1; done"]]`);
  await until('running', long);
  await mayBlock(false);
  await waitFor(() => worker.log.some((entry) => JSON.stringify(entry).includes('NOPERM')), { what: 'the first read that fails', timeoutMs: 60_000 });
  const waiting = await submit('hello');
  expect(await worker.logged('this worker cannot go on: it drains and ends')).toMatchObject({ level: 'fatal', why: expect.stringContaining('gets no ticket') });
  await writeFile(over, '');
  expect(await worker.exited).toEqual({ code: 1, signal: null });
  expect((await store.get(long.id))?.outcome?.status).toBe('succeeded');
  expect(await store.get(waiting.id)).toMatchObject({ status: 'queued', attempt: 0 });
  await mayBlock(true);
  work();
  const outcome = await waitFor(async () => (await store.get(waiting.id))?.outcome, { what: 'the end of the other run', timeoutMs: 120_000 });
  expect(outcome).toMatchObject({ status: 'succeeded', failure: null });
});
