// Tickets on a real Redis: once each, within capacity, delivered again when a consumer vanishes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { testRedis, waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { isNewer, QueueUnavailableError, RunConsumer, RunQueue } from './index.js';
import type { RunConsumerOptions, Ticket } from './index.js';
import { DEFAULT_PREFIX, QUEUE_NAME } from './queue-settings.js';

let redis: TestRedis;
let queue: RunQueue;

beforeAll(async () => {
  redis = await testRedis();
}, 300_000);
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.flush();
  queue = RunQueue.open({ redis: redis.connection });
});
afterEach(() => queue.close());

function consume(options: Partial<RunConsumerOptions> & Pick<RunConsumerOptions, 'handle'>): RunConsumer {
  const consumer = RunConsumer.open({ redis: redis.connection, capacity: 1, ...options });
  onTestFinished(() => consumer.close({ force: true }));
  return consumer;
}

/** A handler that notes its tickets and keeps them until it is told to let go. */
function holding() {
  const tickets: Ticket[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  return { tickets, release, handle: async (ticket: Ticket) => void (await (tickets.push(ticket), released)) };
}

const ids = (tickets: readonly Ticket[]) => tickets.map(({ runId }) => runId);

describe('tickets', () => {
  test('two consumers get each ticket once', async () => {
    const runIds = Array.from({ length: 60 }, (_, i) => `run_${i}`);
    const [first, second]: [Ticket[], Ticket[]] = [[], []];
    consume({ capacity: 3, handle: async (ticket) => void first.push(ticket) });
    consume({ capacity: 3, handle: async (ticket) => void second.push(ticket) });
    await Promise.all(runIds.map((runId) => queue.enqueue({ runId, dispatch: 1 })));
    await waitFor(() => first.length + second.length >= runIds.length, { what: 'all tickets' });
    expect([...ids(first), ...ids(second)].toSorted()).toEqual(runIds.toSorted());
    expect(first.concat(second)[0]).toEqual({ v: 1, runId: expect.any(String), dispatch: 1 });
  });

  test('the same dispatch twice is one ticket, also after it is done; the next dispatch is another', async () => {
    await Promise.all(Array.from({ length: 5 }, () => queue.enqueue({ runId: 'run_a', dispatch: 1 })));
    expect(await queue.depth()).toBe(1);
    const tickets: Ticket[] = [];
    consume({ handle: async (ticket) => void tickets.push(ticket) });
    await waitFor(() => tickets.length === 1, { what: 'the ticket' });
    await queue.enqueue({ runId: 'run_a', dispatch: 1 });
    await queue.enqueue({ runId: 'run_a', dispatch: 2 });
    await queue.enqueue({ runId: 'run_b', dispatch: 1 });
    await waitFor(() => ids(tickets).includes('run_b'), { what: 'the last ticket' });
    expect(tickets.map(({ runId, dispatch }) => `${runId}.${dispatch}`)).toEqual(['run_a.1', 'run_a.2', 'run_b.1']);
  });

  test('a higher priority first, equals in their order; a ticket that is withdrawn never comes', async () => {
    const tickets: Ticket[] = [];
    await queue.pause();
    for (const [runId, priority] of [['low', -10], ['plain', undefined], ['gone', 10], ['high', 10], ['later', 0]] as const) await queue.enqueue({ runId, dispatch: 1, ...(priority === undefined ? {} : { priority }) });
    await queue.withdraw({ runId: 'gone', dispatch: 1 });
    await queue.withdraw({ runId: 'never', dispatch: 1 });
    expect([await queue.depth(), await queue.isPaused()]).toEqual([4, true]);
    consume({ handle: async (ticket) => void tickets.push(ticket) });
    const other: Ticket[] = [];
    consume({ handle: async (ticket) => void other.push(ticket) });
    await queue.resume();
    expect(await queue.isPaused()).toBe(false);
    await waitFor(() => tickets.length + other.length === 4, { what: 'four tickets' });
    expect([...ids(tickets), ...ids(other)].toSorted()).toEqual(['high', 'later', 'low', 'plain']);
    for (const taken of [ids(tickets), ids(other)]) expect(taken).toEqual(['high', 'plain', 'later', 'low'].filter((runId) => taken.includes(runId)));
  });

  test('no more tickets at a time than the capacity', async () => {
    const { tickets, handle, release } = holding();
    const consumer = consume({ capacity: 2, handle });
    for (const runId of ['a', 'b', 'c', 'd', 'e']) await queue.enqueue({ runId, dispatch: 1 });
    await waitFor(() => tickets.length === 2, { what: 'two tickets' });
    // A third would come before a ticket that another consumer takes now.
    const other: Ticket[] = [];
    const second = consume({ handle: async (ticket) => void other.push(ticket) });
    await waitFor(() => other.length === 3, { what: 'the rest at the other consumer' });
    expect([consumer.busy(), second.busy(), ids(tickets)]).toEqual([2, 0, ['a', 'b']]);
    release();
    await waitFor(() => consumer.busy() === 0, { what: 'the end of both' });
  });

  test('a handler that fails: the ticket is not given again, the error is told, the next ticket comes', async () => {
    const seen: string[] = [];
    const errors: string[] = [];
    consume({
      onError: (error) => errors.push(error.message),
      handle: async ({ runId }) => {
        seen.push(runId);
        if (runId === 'bad') throw new Error('broken on purpose');
      },
    });
    await queue.enqueue({ runId: 'bad', dispatch: 1 });
    await queue.enqueue({ runId: 'good', dispatch: 1 });
    await waitFor(() => seen.includes('good') && errors.length > 0, { what: 'the next ticket' });
    await queue.enqueue({ runId: 'bad', dispatch: 1 });
    await queue.enqueue({ runId: 'better', dispatch: 1 });
    await waitFor(() => seen.includes('better'), { what: 'one more ticket' });
    expect(seen).toEqual(['bad', 'good', 'better']);
    expect(errors).toEqual(['ticket bad.1 failed: broken on purpose']);
  });

  test('a newer ticket reaches the handler as what it is; one that cannot be read completes and says why', async () => {
    const raw = new Queue(QUEUE_NAME, { connection: redis.connection, prefix: DEFAULT_PREFIX });
    onTestFinished(() => raw.close());
    const errors: string[] = [];
    const tickets: Ticket[] = [];
    const consumer = consume({ onError: (error) => errors.push(error.message), handle: async (ticket) => void tickets.push(ticket) });
    await raw.add('run', { v: 2, runId: 'run_new', dispatch: 1, more: {} }, { jobId: 'run_new.1' });
    await raw.add('run', { v: 1, runId: 'run_old' }, { jobId: 'run_old.1' });
    await raw.add('run', { v: 'x', runId: 'run_odd', dispatch: 1 }, { jobId: 'run_odd.1' });
    await waitFor(async () => (await raw.getCompletedCount()) === 3, { what: 'all tickets to be completed' });
    expect(tickets).toEqual([{ v: 2, runId: 'run_new', dispatch: 1 }]);
    expect(tickets.map(isNewer)).toEqual([true]);
    expect(errors.toSorted()).toEqual([expect.stringMatching(/^ticket run_odd\.1 cannot be read and is dropped: .*version "x"/), expect.stringMatching(/^ticket run_old\.1 .*names no run or no dispatch/)]);
    expect([consumer.taken(), consumer.busy(), await raw.getFailedCount()]).toEqual([3, 0, 0]);
    // The run of a dropped ticket gets another one.
    expect(await queue.withoutTicket([{ runId: 'run_old', dispatch: 1 }])).toHaveLength(1);
    await queue.enqueue({ runId: 'run_old', dispatch: 1 });
    await waitFor(() => tickets.length === 2, { what: 'the readable ticket' });
    expect(tickets[1]).toEqual({ v: 1, runId: 'run_old', dispatch: 1 });
  });

  test('a ticket with a delay keeps its version and its priority, and is not lost meanwhile', async () => {
    const raw = new Queue(QUEUE_NAME, { connection: redis.connection, prefix: DEFAULT_PREFIX });
    onTestFinished(() => raw.close());
    await queue.enqueue({ runId: 'run_later', dispatch: 3, v: 7, priority: 10, delayMs: 600_000 });
    await queue.enqueue({ runId: 'run_now', dispatch: 1 });
    expect(await queue.withoutTicket([{ runId: 'run_later', dispatch: 3 }])).toEqual([]);
    const { tickets, handle, release } = holding();
    consume({ handle });
    await waitFor(() => tickets.length > 0, { what: 'the ticket without a delay' });
    await queue.enqueue({ runId: 'run_next', dispatch: 1 });
    const later = await raw.getJob('run_later.3');
    expect([later?.delay, await later?.isDelayed()]).toEqual([600_000, true]);
    await later?.changeDelay(0); // as if its time had come
    release();
    await waitFor(() => tickets.length === 3, { what: 'all tickets' });
    expect(tickets).toEqual([{ v: 1, runId: 'run_now', dispatch: 1 }, { v: 7, runId: 'run_later', dispatch: 3 }, { v: 1, runId: 'run_next', dispatch: 1 }]);
  });
});

describe('a look at what waits', () => {
  const names = async (from: number, limit: number) => {
    const { tickets, next } = await queue.waiting(from, limit);
    return { found: ids(tickets).toSorted(), next };
  };

  test('shows tickets page by page, delayed ones and those of a paused queue too, and none that a worker has', async () => {
    const { tickets, handle, release } = holding();
    consume({ handle });
    await queue.enqueue({ runId: 'taken', dispatch: 1 });
    await waitFor(() => tickets.length === 1, { what: 'the ticket' });
    for (const runId of ['a', 'b', 'c']) await queue.enqueue({ runId, dispatch: 1 });
    await queue.enqueue({ runId: 'later', dispatch: 1, delayMs: 600_000 });
    expect(await names(0, 100)).toEqual({ found: ['a', 'b', 'c', 'later'], next: 0 });
    await queue.pause();
    expect((await names(0, 100)).found).toEqual(['a', 'b', 'c', 'later']);
    expect(await names(0, 2)).toEqual({ found: ['a', 'b', 'later'], next: 2 });
    expect(await names(2, 2)).toEqual({ found: ['c'], next: 0 });
    release();
  });

  test('shows nothing that was put in by hand', async () => {
    const raw = new Queue(QUEUE_NAME, { connection: redis.connection, prefix: DEFAULT_PREFIX });
    onTestFinished(() => raw.close());
    await raw.add('run', { v: 1, runId: 'a', dispatch: 1 });
    await raw.add('run', 'nonsense');
    await queue.enqueue({ runId: 'b', dispatch: 1 });
    expect((await names(0, 100)).found).toEqual(['b']);
  });
});

describe('the end of a consumer', () => {
  test('close waits for the handler and completes its ticket', async () => {
    const { tickets, handle, release } = holding();
    const consumer = consume({ handle });
    await queue.enqueue({ runId: 'slow', dispatch: 1 });
    await queue.enqueue({ runId: 'next', dispatch: 1 });
    await waitFor(() => tickets.length === 1, { what: 'the ticket' });
    let closed = false;
    const closing = consumer.close({}).then(() => (closed = true));
    const other: Ticket[] = [];
    consume({ handle: async (ticket) => void other.push(ticket) });
    await waitFor(() => other.length === 1, { what: 'the next ticket at another consumer' });
    expect([closed, ids(tickets), ids(other)]).toEqual([false, ['slow'], ['next']]);
    release();
    await closing;
    expect(await jobState('slow.1')).toBe('completed');
  });

  test('close with force aborts the signal and does not wait', async () => {
    let aborted = false;
    const consumer = consume({
      handle: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => ((aborted = true), setTimeout(resolve, 60_000).unref()))),
    });
    await queue.enqueue({ runId: 'stuck', dispatch: 1 });
    await waitFor(() => consumer.busy() === 1, { what: 'the ticket' });
    await consumer.close({ force: true });
    expect(aborted).toBe(true);
  });

  test('a paused consumer takes nothing, and others get what was on its way', async () => {
    const { tickets, handle, release } = holding();
    const consumer = consume({ capacity: 2, handle });
    await queue.enqueue({ runId: 'kept', dispatch: 1 });
    await waitFor(() => tickets.length === 1, { what: 'the ticket' });
    await consumer.pause();
    for (const runId of ['a', 'b', 'c']) await queue.enqueue({ runId, dispatch: 1 });
    const other: Ticket[] = [];
    consume({ handle: async (ticket) => void other.push(ticket) });
    await waitFor(() => other.length === 3, { what: 'the tickets at the other consumer' });
    expect([ids(tickets), ids(other).toSorted(), consumer.busy()]).toEqual([['kept'], ['a', 'b', 'c'], 1]);
    release();
    await consumer.close({});
  });

  test('a consumer that is resumed takes tickets again; one that is closed does not', async () => {
    const { tickets, handle, release } = holding();
    const consumer = consume({ capacity: 2, handle });
    await queue.enqueue({ runId: 'a', dispatch: 1 });
    await waitFor(() => tickets.length === 1, { what: 'the first ticket' });
    for (const runId of ['b', 'c']) {
      await consumer.pause();
      await consumer.pause();
      await queue.enqueue({ runId, dispatch: 1 });
      await waitFor(async () => (await queue.depth()) === 1, { what: 'the ticket to wait' });
      await consumer.resume();
      release();
      await waitFor(() => tickets.at(-1)?.runId === runId, { what: `the ticket of ${runId}` });
    }
    await consumer.close({});
    await consumer.resume();
    await queue.enqueue({ runId: 'd', dispatch: 1 });
    expect(ids(tickets)).toEqual(['a', 'b', 'c']);
    expect(await queue.depth()).toBe(1);
  });

  test('the ticket of a consumer that was killed comes again', async () => {
    const reDelivery = { lockMs: 1000, renewMs: 300, checkMs: 300 };
    const child = spawn(process.execPath, ['--conditions=@runyard/source', '--import', resolveTypeScript, '--input-type=module', '--eval', childConsumer(reDelivery)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await queue.enqueue({ runId: 'run_k', dispatch: 7 });
    const [taken] = (await once(child.stdout, 'data')) as [Buffer];
    expect(taken.toString()).toBe('run_k');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const tickets: Ticket[] = [];
    consume({ reDelivery, handle: async (ticket) => void tickets.push(ticket) });
    await waitFor(() => tickets.length > 0, { what: 'the ticket again' });
    expect(tickets).toEqual([{ v: 1, runId: 'run_k', dispatch: 7 }]);
  });
});

describe('Redis away', () => {
  test('at enqueue: an error at once, and work again when it is back', async () => {
    const tickets: Ticket[] = [];
    consume({ handle: async (ticket) => void tickets.push(ticket) });
    await queue.enqueue({ runId: 'before', dispatch: 1 });
    await waitFor(() => tickets.length === 1, { what: 'the first ticket' });
    await redis.kill();
    await waitFor(() => queue.enqueue({ runId: 'during', dispatch: 1 }).then(() => false, (error: unknown) => error instanceof QueueUnavailableError), {
      what: 'an error that says so',
    });
    await expect(queue.depth()).rejects.toThrow(QueueUnavailableError);
    await redis.restart();
    await waitFor(() => queue.enqueue({ runId: 'after', dispatch: 1 }).then(() => true, () => false), { what: 'the queue to take tickets again' });
    await waitFor(() => ids(tickets).includes('after'), { what: 'the consumer to take tickets again' });
  });

  test('at the start: an error, and work when it comes', async () => {
    await redis.kill();
    const early = RunQueue.open({ redis: redis.connection });
    onTestFinished(() => early.close());
    const tickets: Ticket[] = [];
    consume({ handle: async (ticket) => void tickets.push(ticket) });
    await expect(early.enqueue({ runId: 'a', dispatch: 1 })).rejects.toThrow(QueueUnavailableError);
    await expect(early.enqueue({ runId: 'a', dispatch: 1 })).rejects.toThrow(/^Redis: /);
    await redis.restart();
    await waitFor(() => early.enqueue({ runId: 'b', dispatch: 1 }).then(() => true, () => false), { what: 'the queue to take tickets' });
    await waitFor(() => ids(tickets).includes('b'), { what: 'the consumer to take tickets' });
  });

  test('a consumer can be closed', async () => {
    const consumer = consume({ handle: async () => {} });
    await redis.kill();
    await consumer.close({});
    await redis.restart();
  });
});

async function jobState(jobId: string): Promise<string> {
  const raw = new Queue(QUEUE_NAME, { connection: redis.connection, prefix: DEFAULT_PREFIX });
  try {
    return await raw.getJobState(jobId);
  } finally {
    await raw.close();
  }
}

/** Lets node run the sources: their imports end in .js. */
const resolveTypeScript = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve: (name, context, next) => name.startsWith('.') && !context.parentURL?.includes('/node_modules/') ? next(name.replace(/\\.js$/, '.ts'), context) : next(name, context) });
`)}`;

function childConsumer(reDelivery: RunConsumerOptions['reDelivery']): string {
  return `
    import { RunConsumer } from '@runyard/run-queue';
    RunConsumer.open({ redis: ${JSON.stringify(redis.connection)}, capacity: 1, reDelivery: ${JSON.stringify(reDelivery)},
      handle: ({ runId }) => new Promise(() => process.stdout.write(runId)) });
  `;
}
