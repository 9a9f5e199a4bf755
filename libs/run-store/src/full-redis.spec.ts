// Redis without memory: nothing new begins, and what runs goes on to its end.
import { temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { RunStore } from './index.js';
import { EVEN_WHEN_FULL, Script } from './script.js';
import { claimed, created, expireLease, logOf, message, started, SUCCEEDED } from './store.fixture.js';
import type { StartedRun } from './store.fixture.js';

const RUNS = 6;

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;
let runs: StartedRun[];

beforeAll(async () => {
  server = await testRedis();
  directory = await temporaryDirectory();
  redis = new Redis(server.connection);
  // Fails at once where a worker would wait until there is room.
  store = RunStore.open({ redis: server.connection, role: 'api', dataDir: directory.path });
}, 300_000);
afterAll(async () => {
  await store.close();
  redis.disconnect();
  await server.stop();
  await directory.remove();
});
beforeEach(async () => {
  runs = await Promise.all(Array.from({ length: RUNS }, () => started(store)));
  await redis.config('SET', 'maxmemory', '1mb');
});
afterEach(() => redis.config('SET', 'maxmemory', '0'));

async function withRoom<T>(work: () => Promise<T>): Promise<T> {
  await redis.config('SET', 'maxmemory', '0');
  return work().finally(() => redis.config('SET', 'maxmemory', '1mb'));
}

const full = (call: Promise<unknown>) => expect(call).rejects.toThrow(/Redis: OOM/);

test('no new run, no claim and no more output; each run can be renewed, finished, parked, handed over, given back, lost and canceled', async () => {
  const [a, b, c, d, e, f] = runs as [StartedRun, StartedRun, StartedRun, StartedRun, StartedRun, StartedRun];
  await full(created(store));
  await full(store.append(a.lease, 1, [message('x')]));
  for (const { lease } of runs) {
    expect(await store.renew(lease)).toMatchObject({ kind: 'renewed' });
    expect(await store.noteSpawn(lease)).toBe('noted');
    await store.noteProgress(lease);
    await store.noteModel(lease, 'opus');
  }
  const flush = { number: 1, events: [message('the end')] };
  expect(await store.finish(a.lease, SUCCEEDED, flush)).toEqual({ kind: 'finished', next: null });
  expect((await logOf(store, a.id)).events.map(({ type }) => type)).toEqual(['run.queued', 'run.started', 'claude.assistant', 'run.finished']);
  expect(await store.park(b.lease, { waitingFor: 'recovery', left: 'recovery', detail: 'x' }, flush)).toEqual({ kind: 'parked' });
  expect(await store.recover(b.id, 'resume')).toMatchObject({ kind: 'recovered' });
  expect(await store.handOver(c.lease, flush)).toEqual({ runId: c.id, dispatch: 2 });
  expect(await store.requeue(d.lease, 'lease_lost')).toEqual({ runId: d.id, dispatch: 2 });
  await full(store.claim({ runId: d.id, dispatch: 2, workerId: 'wrk_test' }));
  await withRoom(() => expireLease(redis, e.lease));
  expect(await store.redispatchLost(e.id)).toEqual({ runId: e.id, dispatch: 2 });
  expect((await store.cancel(f.id)).kind).toBe('requested');
  expect((await store.cancel(d.id)).kind).toBe('canceled');
  expect(await store.raiseAttempt(f.lease, 9)).toBeUndefined();
  expect(await store.get(f.id)).toMatchObject({ status: 'canceled', model: 'opus' });
  expect(await store.lead('job', 'a', 1000)).toBe(true);
});

test.each(['finish', 'park', 'handOver'] as const)('%s adds a flush that nobody answered, once, whether or not it arrived', async (how) => {
  for (const arrived of [true, false]) {
    const { id, lease } = await withRoom(() => started(store));
    const [before, unconfirmed] = [{ number: 1, events: [message('1')] }, { number: 2, events: [message('2'), message('3')] }];
    await withRoom(() => store.append(lease, before.number, before.events));
    if (arrived) await withRoom(() => store.append(lease, unconfirmed.number, unconfirmed.events));
    else await full(store.append(lease, unconfirmed.number, unconfirmed.events));
    const last = { number: 3, events: [message('4')], unconfirmed };
    if (how === 'finish') await store.finish(lease, SUCCEEDED, last);
    else if (how === 'park') await store.park(lease, { waitingFor: 'recovery', left: 'recovery', detail: 'x' }, last);
    else await store.handOver(lease, last);
    const texts = (await logOf(store, id)).events.filter(({ type }) => type === 'claude.assistant').map(({ data }) => (JSON.parse(data.toString()) as { text: string }).text);
    expect(texts).toEqual(['1', '2', '3', '4']);
    // It comes after all: too late.
    await withRoom(async () => expect(await store.append(lease, unconfirmed.number, unconfirmed.events)).toEqual({ kind: 'lost' }));
  }
});

test('with room again all of it goes on', async () => {
  const [{ id, lease }] = runs as [StartedRun];
  const dispatch = await store.handOver(lease);
  await redis.config('SET', 'maxmemory', '0');
  expect(await claimed(store, dispatch ?? { runId: id, dispatch: 0 })).toMatchObject({ run: { attempt: 2 } });
});

test('a script whose first line the server does not know is sent without it', async () => {
  const script = new Script('return 7', EVEN_WHEN_FULL);
  const commands: string[] = [];
  const old = new Proxy(redis, {
    get: (target, name) =>
      name !== 'call'
        ? Reflect.get(target, name)
        : async (command: string, [body, ...rest]: string[]) => {
            commands.push(command);
            // What Redis 6 answers.
            if (body?.startsWith('#!')) throw new Error("ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'");
            return target.call(command, [body ?? '', ...rest]);
          },
  });
  expect(await script.run(old, [], [])).toBe(7);
  expect(await script.run(old, [], [])).toBe(7);
  expect(commands).toEqual(['EVALSHA', 'EVAL', 'EVAL', 'EVALSHA']);
});
