// Followers: one connection for all of them, no hole and nothing twice, whatever happens to it.
import { newId } from '@runyard/domain';
import { temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RunStore } from './index.js';
import type { NewEvent } from './index.js';
import { created, delta, expireLease, finished, following, linesOf, logOf, message, started, SUCCEEDED } from './store.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;
/** Writes through connections of its own, so that the followers' can be counted and cut. */
let writer: RunStore;

beforeAll(async () => {
  server = await testRedis();
  directory = await temporaryDirectory();
}, 300_000);
afterAll(async () => {
  await server.stop();
  await directory.remove();
});
beforeEach(() => {
  redis = new Redis(server.connection);
  redis.on('error', () => {}); // the server is restarted below
  store = RunStore.open({ redis: { ...server.connection, connectionName: 'followers' }, role: 'api', dataDir: directory.path });
  writer = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path });
  return async () => {
    await store.close();
    await writer.close();
    redis.disconnect();
  };
});

const never = () => new AbortController().signal;
const subscribers = async (runId: string) => (await redis.pubsub('NUMSUB', `runyard:run:${runId}:live`))[1] as number;
const connections = async (name: string) => String(await redis.client('LIST')).split('\n').filter((line) => line.includes(` name=${name} `));
const seqs = (events: readonly { readonly id: string }[]) => events.map(({ id }) => Number(id.split('-')[1]));
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('following', () => {
  test('everything so far, then live, then the end', async () => {
    const run = await created(writer);
    const follower = following(store, run.id);
    await waitFor(() => follower.events.length === 1, { what: 'the first event' });
    const claim = await writer.claim({ runId: run.id, dispatch: 1, workerId: 'wrk_test' });
    expect(claim.kind).toBe('claimed');
    const lease = { runId: run.id, attempt: 1, workerId: 'wrk_test' };
    for (let i = 1; i <= 5; i++) {
      await writer.append(lease, i, [message(`${i}`), delta(`${i}`)]);
      await waitFor(() => follower.events.length === 2 + 2 * i, { what: `flush ${i}` });
    }
    const late = following(store, run.id, { after: '1-4' });
    const noDeltas = following(store, run.id, { deltas: false });
    await waitFor(() => late.events.length === 8, { what: 'the late follower' });
    await writer.append(lease, 6, [delta('6'), message('6')]);
    await writer.finish(lease, SUCCEEDED);
    await Promise.all([follower.done, late.done, noDeltas.done]);
    const { events } = await logOf(store, run.id);
    expect(linesOf(follower.events)).toEqual(linesOf(events));
    expect(linesOf(late.events)).toEqual(linesOf(events.slice(4)));
    expect(linesOf(noDeltas.events)).toEqual(linesOf(events.filter(({ type }) => type !== 'claude.stream_event')));
    expect(follower.events[5]?.ts).toBe(events[5]?.ts);
    expect(store.viewers()).toBe(0);
    await waitFor(async () => (await subscribers(run.id)) === 0, { what: 'the end of the subscription' });
  });

  test('after an id that the run never had: nothing, but the end', async () => {
    for (const result of ['short', 'x'.repeat(30_000)]) {
      const { id, lease } = await started(store);
      const [far, near] = [following(store, id, { after: '1-999' }), following(store, id)];
      await waitFor(() => near.events.length === 2, { what: 'the start' });
      await writer.append(lease, 1, [message('a')]);
      await writer.finish(lease, { ...SUCCEEDED, result });
      await Promise.all([far.done, near.done]);
      expect([seqs(far.events), seqs(near.events)]).toEqual([[], [1, 2, 3, 4]]);
    }
  });

  test('a finished run, a run that is not there, an id past the end, an id that is none', async () => {
    const { id } = await finished(writer, [message('a')]);
    const follower = following(store, id);
    await follower.done;
    expect(seqs(follower.events)).toEqual([1, 2, 3, 4]);
    for (const [runId, after] of [[newId('run'), '0-1'], ['nonsense', '0-1'], [id, '1-4'], [id, '9-9']] as const) {
      const none = following(store, runId, { after });
      await none.done;
      expect(none.events).toEqual([]);
    }
    await expect(following(store, id, { after: '4' }).done).rejects.toThrow(RangeError);
    expect(store.viewers()).toBe(0);
  });

  test('large events are read from the log, in order with small ones', async () => {
    const { id, lease } = await started(writer);
    const follower = following(store, id);
    await waitFor(() => follower.events.length === 2, { what: 'the start' });
    for (let i = 1; i <= 12; i++) await writer.append(lease, i, [message(i % 3 === 0 ? 'x'.repeat(40_000) : 'small')]);
    await writer.finish(lease, SUCCEEDED);
    await follower.done;
    expect(linesOf(follower.events)).toEqual(linesOf((await logOf(store, id)).events));
  });

  test('events of other attempts and from outside are followed on', async () => {
    const { id, lease } = await started(writer);
    const follower = following(store, id);
    await writer.append(lease, 1, [message('a')]);
    await writer.appendFromOutside(id, { type: 'permission.decided', data: '{}' });
    await expireLease(redis, lease);
    await writer.redispatchLost(id);
    const next = await writer.claim({ runId: id, dispatch: 2, workerId: 'wrk_2' });
    expect(next.kind).toBe('claimed');
    await writer.finish({ runId: id, attempt: 2, workerId: 'wrk_2' }, SUCCEEDED);
    await follower.done;
    expect(follower.events.map((event) => event.id)).toEqual(['0-1', '1-2', '1-3', '1-4', '1-5', '2-6', '2-7']);
  });
});

describe('one connection', () => {
  test('200 followers of 20 runs: one subscriber connection, and each sees everything once', async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => started(writer)));
    const followers = runs.flatMap(({ id }) => Array.from({ length: 10 }, () => following(store, id)));
    await waitFor(() => followers.every(({ events }) => events.length === 2), { what: 'all followers' });
    expect(store.viewers()).toBe(200);
    const subscriptions = async () => (await connections('followers')).map((line) => / sub=(\d+) /.exec(line)?.[1]);
    await waitFor(async () => (await subscriptions()).includes('20'), { what: 'all subscriptions' });
    expect((await subscriptions()).toSorted()).toEqual(['0', '20']);
    await Promise.all(runs.map(async ({ lease }) => {
      for (let i = 1; i <= 10; i++) await writer.append(lease, i, [message(`${i}`), delta(`${i}`)]);
      await writer.finish(lease, SUCCEEDED);
    }));
    await Promise.all(followers.map(({ done }) => done));
    for (const { events } of followers) expect(seqs(events)).toEqual(upTo(23));
    await waitFor(async () => (await connections('followers')).every((line) => / sub=0 /.test(line)), { what: 'no channel left' });
  });

  test('live events come without a look into the log', async () => {
    const { id, lease } = await started(writer);
    const follower = following(store, id);
    await waitFor(async () => (await subscribers(id)) === 1 && follower.events.length === 2, { what: 'the follower' });
    await writer.append(lease, 1, [message('x')]);
    await waitFor(() => follower.events.length === 3, { what: 'a first live event' });
    const scriptCalls = async () => Number(/evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
    const before = await scriptCalls();
    for (let i = 2; i <= 21; i++) {
      await writer.append(lease, i, [message('x')]);
      await waitFor(() => follower.events.length === i + 2, { what: `event ${i}` });
    }
    // The first reading after the subscription may still be among them.
    expect((await scriptCalls()) - before).toBeLessThanOrEqual(22);
  });

  test('no follower, no subscriber connection', async () => {
    await store.ping();
    expect(await connections('followers')).toHaveLength(1);
  });

  test('abort frees the subscription, also of a consumer that is busy with an event', async () => {
    const { id } = await started(writer);
    const idle = new AbortController();
    const busy = new AbortController();
    const waiting = following(store, id, { signal: idle.signal });
    const iterator = store.follow(id, { signal: busy.signal })[Symbol.asyncIterator]();
    await iterator.next();
    await waitFor(() => waiting.events.length === 2, { what: 'the idle follower' });
    expect(store.viewers()).toBe(2);
    await waitFor(async () => (await subscribers(id)) === 1, { what: 'one subscription for both' });
    busy.abort();
    expect(store.viewers()).toBe(1);
    idle.abort();
    await waiting.done;
    expect(store.viewers()).toBe(0);
    await waitFor(async () => (await subscribers(id)) === 0, { what: 'no subscription' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    const already = following(store, id, { signal: AbortSignal.abort() });
    await already.done;
    expect(already.events).toEqual([]);
  });

  test('leaving the loop frees the subscription; the last to leave does not cut off one that comes', async () => {
    const { id, lease } = await started(writer);
    for (let i = 1; i <= 20; i++) {
      for await (const event of store.follow(id, { signal: never() })) if (event.id === '0-1') break;
      const follower = following(store, id, { after: (await logOf(store, id)).events.at(-1)?.id ?? '' });
      await writer.append(lease, i, [message('x')]);
      await waitFor(() => follower.events.length > 0, { what: `the event of round ${i}` });
    }
    expect(store.viewers()).toBe(20);
  });

  test('closing the store ends its followers', async () => {
    const { id } = await started(writer);
    const own = RunStore.open({ redis: server.connection, role: 'api', dataDir: directory.path });
    const follower = following(own, id);
    await waitFor(() => follower.events.length === 2, { what: 'the follower' });
    await own.close();
    await follower.done;
  });
});

describe('trouble', () => {
  /** Appends until told to stop, while `trouble` happens; then every follower must have everything once. */
  async function survives(trouble: () => Promise<unknown>, flush: (i: number) => NewEvent[] = (i) => [message(`${i}`), delta(`${i}`)]): Promise<void> {
    const { id, lease } = await started(writer);
    const followers = Array.from({ length: 5 }, () => following(store, id));
    await waitFor(() => followers.every(({ events }) => events.length === 2), { what: 'all followers' });
    const state = { stop: false };
    const appending = (async () => {
      for (let i = 1; !state.stop; i++) await writer.append(lease, i, flush(i));
    })();
    await trouble();
    state.stop = true;
    await appending;
    await writer.finish(lease, SUCCEEDED);
    await Promise.all(followers.map(({ done }) => done));
    const { events } = await logOf(writer, id, { limit: 500 });
    expect(seqs(events)).toEqual(upTo(events.length));
    for (const follower of followers) expect(seqs(follower.events)).toEqual(seqs(events));
  }

  const cutSubscribers = () => redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');

  test('the subscriber connection is cut again and again', () =>
    survives(async () => {
      for (let i = 0; i < 10; i++) {
        await waitFor(async () => Number(await cutSubscribers()) > 0, { what: `a subscriber to cut, round ${i}` });
      }
    }));

  test('both connections are cut again and again', () =>
    survives(async () => {
      for (let i = 0; i < 5; i++) {
        await waitFor(async () => (await connections('followers')).length === 2, { what: 'both connections' });
        for (const line of await connections('followers')) await redis.client('KILL', 'ID', Number(/^id=(\d+)/.exec(line)?.[1]));
      }
    }));

  test('what was published while the subscriber was away comes though nothing follows it', async () => {
    const { id, lease } = await started(writer);
    const follower = following(store, id);
    await waitFor(() => follower.events.length === 2, { what: 'the follower' });
    // In one step, so that the event falls between the cut and the new subscription.
    await redis.multi().call('CLIENT', 'KILL', 'TYPE', 'pubsub').exec();
    await writer.append(lease, 1, [message('missed')]);
    await waitFor(() => follower.events.length === 3, { what: 'the missed event' });
  });

  test('a published message is lost: the next one shows the hole', async () => {
    const { id, lease } = await started(writer);
    const follower = following(store, id);
    await waitFor(() => follower.events.length === 2, { what: 'the follower' });
    await redis.xadd(`runyard:run:${id}:events`, '1-3', 't', 'claude.user', 'ts', '0', 'd', '{}');
    await redis.hset(`runyard:run:${id}`, 'seq', '3');
    await writer.append(lease, 1, [message('next')]);
    await waitFor(() => follower.events.length === 4, { what: 'both events' });
    expect(seqs(follower.events)).toEqual([1, 2, 3, 4]);
  });

  test('messages that nobody can read, or that tell old news, change nothing', async () => {
    const { id, lease } = await started(writer);
    const follower = following(store, id);
    await waitFor(() => follower.events.length === 2, { what: 'the follower' });
    for (const text of ['', 'nonsense', 'F0-1 0 1 1\nab', 'R0-1 0-1', 'R0-1 0']) await redis.publish(`runyard:run:${id}:live`, text);
    await writer.finish(lease, SUCCEEDED);
    await follower.done;
    expect(seqs(follower.events)).toEqual([1, 2, 3]);
  });

  test('a slow follower costs bounded memory and loses nothing', async () => {
    const { id, lease } = await started(writer);
    const slow = store.follow(id, { signal: never() })[Symbol.asyncIterator]();
    const seen = [(await slow.next()).value, (await slow.next()).value];
    const fast = following(store, id);
    await waitFor(() => fast.events.length === 2, { what: 'the fast follower' });
    const third = slow.next();
    await writer.append(lease, 1, [message('0')]);
    seen.push((await third).value);
    // 28 MB in messages small enough to be published whole, while the slow one holds on to its third event.
    const heapBefore = await settledMemory();
    for (let i = 2; i <= 2001; i++) {
      await writer.append(lease, i, [message('x'.repeat(10_000)), delta('y'.repeat(4000))]);
      fast.events.length = 0;
    }
    await waitFor(async () => (await settledMemory()) - heapBefore < 12 * 1024 * 1024, { what: 'memory that does not hold what was published' });
    await writer.finish(lease, SUCCEEDED);
    await fast.done;
    for (let next = await slow.next(); next.done !== true; next = await slow.next()) seen.push({ ...next.value, data: Buffer.alloc(0) });
    expect(seqs(seen)).toEqual(upTo(2 + 1 + 4000 + 1));
  });

  test('Redis is restarted under followers: they go on', () =>
    survives(async () => {
      for (let i = 0; i < 2; i++) {
        await server.kill();
        await server.restart();
        await redis.ping();
      }
    }));
});

/** Bytes on the heap and in buffers after a collection, when the runtime offers one. */
async function settledMemory(): Promise<number> {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
