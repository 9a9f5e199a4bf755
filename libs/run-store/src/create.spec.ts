// Creating runs: once per idempotency key, one live run per session, nothing lost on the way in.
import { newSessionId } from '@runyard/domain';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { RunStore } from './index.js';
import type { CreateAnswer, CreateInput } from './index.js';
import { claimed, created, finished, linesOf, logOf, REQUEST, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let redis: Redis;
let store: RunStore;
let keys = 0;

onStoreStand((stand) => ({ server, directory, redis, store } = stand));

const create = (input: Partial<CreateInput> = {}): Promise<CreateAnswer> => store.create({ request: REQUEST, trigger: 'api', ...input });
const withKey = (key: string, fingerprint = 'same') => ({ idempotency: { key, fingerprint } });
const newKey = () => `key ${keys++}`;

describe('create', () => {
  test('a new run is queued, has its first event and waits for a ticket', async () => {
    const answer = await create({ trigger: 'cli' });
    if (answer.kind !== 'created') throw new Error(answer.kind);
    const { run } = answer;
    expect(answer.dispatch).toBe(1);
    expect(run).toMatchObject({ status: 'queued', attempt: 0, dispatch: 1, seq: 1, queuedReason: 'capacity', request: REQUEST, trigger: 'cli', log: 'stream' });
    expect(run).toMatchObject({ continues: false, forkOf: null, startedAt: null, endedAt: null, outcome: null, leaseExpired: false, workerId: null });
    expect(Math.abs(Date.parse(run.createdAt) - Date.now())).toBeLessThan(60_000);
    expect(await store.get(run.id)).toEqual(run);
    expect(linesOf((await logOf(store, run.id)).events)).toEqual(['0-1 run.queued {"dispatch":1}']);
    expect(await store.undispatched(0, 1000)).toContainEqual({ runId: run.id, dispatch: 1 });
    await store.dispatched({ runId: run.id, dispatch: 1 });
    expect(await store.undispatched(0, 1000)).not.toContainEqual({ runId: run.id, dispatch: 1 });
  });

  test('any request comes back as it was', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const request = fc.record({ prompt: text, append_system_prompt: text, metadata: fc.dictionary(text, text) });
    await fc.assert(
      fc.asyncProperty(request, async (body) => {
        const run = await created(store, body);
        expect((await store.get(run.id))?.request).toEqual(body);
      }),
      { numRuns: 50 },
    );
  });

  test('a prompt of 4 MiB, and a lone surrogate, come back as they were', async () => {
    const prompt = `${'é漢😀\0\r\n"\\'.repeat(300_000)}\ud800`;
    const run = await created(store, { prompt });
    expect((await store.get(run.id))?.request.prompt).toBe(prompt);
  });

  test('strange ids are unknown, not errors', async () => {
    const run = await created(store);
    for (const id of ['', 'run_x', `${run.id}:events`, `../${run.id}`, run.id.toUpperCase(), `${run.id}\n`]) {
      expect(await store.get(id)).toBeUndefined();
      expect(await store.cancel(id)).toEqual({ kind: 'not_found' });
      expect(await store.delete(id)).toBe('not_found');
      expect(await store.readEvents(id, { limit: 1 })).toBeUndefined();
      expect(await store.claim({ runId: id, dispatch: 1, workerId: 'w' })).toEqual({ kind: 'stale' });
      expect(await store.appendFromOutside(id, { type: 'log.stderr', data: '{}' })).toBeUndefined();
    }
  });
});

describe('idempotency', () => {
  test('30 parallel posts over three stores make one run', async () => {
    const stores = [store, ...[1, 2].map(() => RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path }))];
    const input: CreateInput = { request: REQUEST, trigger: 'api', ...withKey(newKey()) };
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => (stores[i % 3] ?? store).create(input)));
    await Promise.all(stores.slice(1).map((each) => each.close()));
    expect(answers.filter(({ kind }) => kind === 'created')).toHaveLength(1);
    expect(answers.filter(({ kind }) => kind === 'replayed')).toHaveLength(29);
    expect(new Set(answers.map((answer) => ('run' in answer ? answer.run.id : '')))).toHaveProperty('size', 1);
  });

  test('a replay shows the run as it is now', async () => {
    const key = withKey(newKey());
    const first = await create(key);
    if (first.kind !== 'created') throw new Error(first.kind);
    await claimed(store, { runId: first.run.id, dispatch: 1 });
    expect(await create(key)).toMatchObject({ kind: 'replayed', run: { id: first.run.id, status: 'running', attempt: 1 } });
  });

  test('the same key with another body is refused and creates nothing', async () => {
    const key = newKey();
    await create(withKey(key, 'one'));
    const before = await store.counts();
    expect(await create(withKey(key, 'two'))).toEqual({ kind: 'idempotency_key_reused' });
    expect(await store.counts()).toEqual(before);
  });

  test('a deleted run is not run again', async () => {
    const key = withKey(newKey());
    const first = await create(key);
    if (first.kind !== 'created') throw new Error(first.kind);
    await store.cancel(first.run.id);
    expect(await store.delete(first.run.id)).toBe('deleted');
    expect(await create(key)).toEqual({ kind: 'idempotency_key_reused' });
  });

  test('keys are kept for more than 24 hours, and not for ever', async () => {
    const key = newKey();
    await create(withKey(key));
    const seconds = await redis.ttl(`runyard:idempotency:${key}`);
    expect(seconds).toBeGreaterThan(24 * 3600);
    expect(seconds).toBeLessThan(30 * 24 * 3600);
  });

  test('a refused session does not use up the key', async () => {
    const key = withKey(newKey());
    expect(await create({ ...key, request: { prompt: 'x', session_id: newSessionId() } })).toEqual({ kind: 'session_not_found' });
    expect(await create(key)).toMatchObject({ kind: 'created' });
  });
});

describe('sessions', () => {
  const inSession = (session_id: string) => created(store, { prompt: 'again', session_id });

  test('an unknown session is refused', async () => {
    expect(await create({ request: { prompt: 'x', session_id: newSessionId() } })).toEqual({ kind: 'session_not_found' });
    expect(await create({ request: { prompt: 'x', session_id: newSessionId(), fork: true } })).toEqual({ kind: 'session_not_found' });
  });

  test('runs of one session wait for each other and get their turns in order', async () => {
    const first = await started(store);
    const { sessionId } = first.run;
    const [second, third] = [await inSession(sessionId), await inSession(sessionId)];
    expect(second).toMatchObject({ sessionId, continues: true, status: 'queued', dispatch: 0, queuedReason: 'session' });
    expect(await store.undispatched(0, 1000)).not.toContainEqual(expect.objectContaining({ runId: second.id }));
    expect(await store.claim({ runId: second.id, dispatch: 0, workerId: 'w' })).toEqual({ kind: 'stale' });

    expect(await store.finish(first.lease, SUCCEEDED)).toEqual({ kind: 'finished', next: { runId: second.id, dispatch: 1 } });
    expect(await store.get(second.id)).toMatchObject({ dispatch: 1, queuedReason: 'capacity' });
    expect(await store.get(third.id)).toMatchObject({ dispatch: 0, queuedReason: 'session' });
    expect(await store.undispatched(0, 1000)).toContainEqual({ runId: second.id, dispatch: 1 });
    expect(linesOf((await logOf(store, second.id)).events)).toEqual(['0-1 run.queued {"dispatch":0,"reason":"session"}', '0-2 run.queued {"dispatch":1}']);

    const running = await claimed(store, { runId: second.id, dispatch: 1 });
    expect(await store.finish(running.lease, SUCCEEDED)).toEqual({ kind: 'finished', next: { runId: third.id, dispatch: 1 } });
    expect(await store.cancel(third.id)).toMatchObject({ kind: 'canceled', next: null });
    expect(await inSession(sessionId)).toMatchObject({ dispatch: 1, queuedReason: 'capacity' });
  });

  test('a canceled run gives its turn to the next, and one that only waits does not', async () => {
    const first = await created(store);
    const [second, third] = [await inSession(first.sessionId), await inSession(first.sessionId)];
    expect(await store.cancel(second.id)).toMatchObject({ kind: 'canceled', next: null, run: { status: 'canceled' } });
    expect(await redis.lrange(`runyard:session:${first.sessionId}:waiting`, 0, -1)).toEqual([third.id]);
    expect(await store.cancel(first.id)).toMatchObject({ kind: 'canceled', next: { runId: third.id, dispatch: 1 } });
  });

  test('20 parallel runs of a session: exactly one is live', async () => {
    const { run } = await finished(store);
    const runs = await Promise.all(Array.from({ length: 20 }, () => inSession(run.sessionId)));
    expect(runs.filter(({ dispatch }) => dispatch === 1)).toHaveLength(1);
    expect(runs.filter(({ queuedReason }) => queuedReason === 'session')).toHaveLength(19);
  });

  test('a fork has a session of its own and does not wait', async () => {
    const parent = await started(store);
    const fork = await created(store, { prompt: 'x', session_id: parent.run.sessionId, fork: true });
    expect(fork).toMatchObject({ forkOf: parent.run.sessionId, continues: true, dispatch: 1, queuedReason: 'capacity' });
    expect(fork.sessionId).not.toBe(parent.run.sessionId);
    expect(await inSession(fork.sessionId)).toMatchObject({ sessionId: fork.sessionId, queuedReason: 'session', forkOf: null });
  });

  test('a session is known as long as one of its runs is', async () => {
    const first = await finished(store);
    const second = await inSession(first.run.sessionId);
    await store.cancel(second.id);
    await store.delete(first.id);
    const third = await inSession(first.run.sessionId);
    await store.cancel(third.id);
    await Promise.all([store.delete(second.id), store.delete(third.id)]);
    expect(await create({ request: { prompt: 'x', session_id: first.run.sessionId } })).toEqual({ kind: 'session_not_found' });
  });
});
