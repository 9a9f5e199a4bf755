// Appending, reading pages and canceling: numbered without holes, added once, bytes unchanged.
import { waitFor } from '@runyard/testing';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { RunStore, WorkerSignal } from './index.js';
import { claimed, created, delta, finished, linesOf, logOf, message, started, SUCCEEDED } from './store.fixture.js';
import { onStoreStand } from './store-stand.fixture.js';

let redis: Redis;
let store: RunStore;

onStoreStand((stand) => ({ redis, store } = stand));

describe('append', () => {
  test('a repeated flush gets the first answer and adds nothing', async () => {
    const { id, lease } = await started(store);
    expect(await store.append(lease, 1, [message('a'), message('b')])).toEqual({ kind: 'appended', firstSeq: 3, lastSeq: 4 });
    await store.appendFromOutside(id, { type: 'permission.decided', data: '{}' });
    expect(await store.append(lease, 1, [message('a'), message('b')])).toEqual({ kind: 'appended', firstSeq: 3, lastSeq: 4 });
    expect(await store.append(lease, 2, [message('c')])).toEqual({ kind: 'appended', firstSeq: 6, lastSeq: 6 });
    expect(await store.append(lease, 2, [])).toEqual({ kind: 'appended', firstSeq: 6, lastSeq: 6 });
    expect((await logOf(store, id)).events.map(({ id: eventId }) => eventId)).toEqual(['0-1', '1-2', '1-3', '1-4', '1-5', '1-6']);
    await expect(store.append(lease, 1, [message('a')])).rejects.toThrow(/flush 1 .* came after flush 2/);
    expect(await store.get(id)).toMatchObject({ seq: 6 });
  });

  test('flush numbers begin again with each attempt', async () => {
    const first = await started(store);
    await store.append(first.lease, 1, [message('a')]);
    await store.requeue(first.lease, 'drain');
    const second = await claimed(store, { runId: first.id, dispatch: 2 });
    expect(await store.append(second.lease, 1, [message('b')])).toEqual({ kind: 'appended', firstSeq: 6, lastSeq: 6 });
  });

  test('refused: other attempts, queued and terminal runs, unknown runs', async () => {
    const { id, lease } = await started(store);
    for (const wrong of [{ ...lease, attempt: 0 }, { ...lease, attempt: 2 }, { ...lease, runId: 'run_none' }, { ...lease, workerId: 'wrk_other' }]) {
      expect(await store.append(wrong, 1, [message('x')])).toEqual({ kind: 'lost' });
    }
    await store.finish(lease, SUCCEEDED);
    expect(await store.append(lease, 1, [message('x')])).toEqual({ kind: 'lost' });
    expect(await store.appendFromOutside(id, message('x'))).toBeUndefined();
    const queued = await created(store);
    expect(await store.append({ runId: queued.id, attempt: 0, workerId: '' }, 1, [message('x')])).toEqual({ kind: 'lost' });
    expect(await store.appendFromOutside(queued.id, message('x'))).toBe('0-2');
  });

  test('any bytes come back unchanged, live and from the log', async () => {
    const { id, lease } = await started(store);
    const live: Buffer[] = [];
    const following = (async () => {
      for await (const event of store.follow(id, { signal: new AbortController().signal })) if (event.type.startsWith('claude.')) live.push(event.data);
    })();
    let flush = 0;
    const sent: Buffer[] = [];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.constantFrom('', '\n', '\0', '\r\n1-1 1 1 1\n', '"\ud83d\ude00"', 'é'.repeat(9000)).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 6 }), async (datas) => {
        sent.push(...datas);
        await store.append(lease, ++flush, datas.map((data) => ({ type: 'claude.user', data })));
      }),
      { numRuns: 40 },
    );
    await store.finish(lease, SUCCEEDED);
    await following;
    const stored = (await logOf(store, id)).events.filter(({ type }) => type === 'claude.user').map(({ data }) => data);
    expect(stored.map((data) => data.toString('hex'))).toEqual(sent.map((data) => data.toString('hex')));
    expect(live.map((data) => data.toString('hex'))).toEqual(sent.map((data) => data.toString('hex')));
  });

  test('numbers stay integers far beyond what Lua prints as one', async () => {
    const { id, lease } = await started(store);
    await redis.hset(`runyard:run:${id}`, 'seq', '999999999999998', 'attempt', '999999999');
    const far = { ...lease, attempt: 999_999_999 };
    expect(await store.append(far, 1, [message('a'), message('b')])).toEqual({ kind: 'appended', firstSeq: 999999999999999, lastSeq: 1000000000000000 });
    expect(await store.append(far, 1, [])).toEqual({ kind: 'appended', firstSeq: 999999999999999, lastSeq: 1000000000000000 });
    expect((await logOf(store, id, { after: '1-2' })).events.map((event) => event.id)).toEqual(['999999999-999999999999999', '999999999-1000000000000000']);
  });

  test('4000 events in one flush', async () => {
    const { id, lease } = await started(store);
    const events = Array.from({ length: 4000 }, (_, i) => message(String(i)));
    expect(await store.append(lease, 1, events)).toEqual({ kind: 'appended', firstSeq: 3, lastSeq: 4002 });
    expect((await logOf(store, id, { limit: 1000 })).events).toHaveLength(4002);
  });

  test('the model is noted from the current attempt only', async () => {
    const { id, lease } = await started(store);
    await store.noteModel(lease, 'claude-"x"');
    await store.noteModel({ ...lease, attempt: 2 }, 'other');
    expect((await store.get(id))?.model).toBe('claude-"x"');
  });
});

describe('reading pages', () => {
  test('after any id, with and without deltas, until the end', async () => {
    const { id, lease } = await started(store);
    await store.append(lease, 1, [message('a'), ...Array.from({ length: 40 }, (_, i) => delta(String(i))), message('b')]);
    expect((await store.readEvents(id, { limit: 3 }))?.events.map((event) => event.id)).toEqual(['0-1', '1-2', '1-3']);
    expect(await store.readEvents(id, { limit: 3, after: '1-44' })).toEqual({ events: [], end: false });
    expect(await store.readEvents(id, { limit: 3, after: '7-1' })).toEqual({ events: [], end: false });
    expect((await logOf(store, id, { deltas: false })).events.map((event) => event.id)).toEqual(['0-1', '1-2', '1-3', '1-44']);
    expect((await logOf(store, id, { deltas: false, after: '1-20' })).events.map((event) => event.id)).toEqual(['1-44']);
    await store.finish(lease, SUCCEEDED);
    expect(await store.readEvents(id, { limit: 1, after: '1-44' })).toMatchObject({ end: true, events: [{ type: 'run.finished' }] });
    expect(await store.readEvents(id, { limit: 1, after: '1-45' })).toEqual({ events: [], end: true });
    await expect(store.readEvents(id, { limit: 1, after: 'x' })).rejects.toThrow(RangeError);
  });

  test('a page of large events ends early, and never empty', async () => {
    const { id, lease } = await started(store);
    for (let i = 1; i <= 6; i++) await store.append(lease, i, [message('x'.repeat(900_000))]);
    const page = await store.readEvents(id, { limit: 100, after: '1-2' });
    expect(page?.events.length).toBeGreaterThan(0);
    expect((await logOf(store, id, { limit: 100 })).events).toHaveLength(8);
  });

  test('thousands of left-out deltas are no end', async () => {
    const { id, lease } = await started(store);
    await store.append(lease, 1, Array.from({ length: 12_000 }, () => delta('')));
    await store.append(lease, 2, [message('behind')]);
    expect((await store.readEvents(id, { limit: 10, after: '1-2', deltas: false }))?.events.map((event) => event.id)).toEqual(['1-12003']);
  });
});

describe('cancel', () => {
  test('a queued run ends at once', async () => {
    const run = await created(store);
    const answer = await store.cancel(run.id);
    expect(answer).toMatchObject({ kind: 'canceled', next: null, run: { status: 'canceled', outcome: { status: 'canceled', failure: null }, attempt: 0, queuedReason: null } });
    expect((await logOf(store, run.id)).events.map(({ id, type }) => `${id} ${type}`)).toEqual(['0-1 run.queued', '0-2 run.finished']);
    expect(await store.cancel(run.id)).toMatchObject({ kind: 'already_terminal', next: null });
    expect(await store.claim({ runId: run.id, dispatch: 1, workerId: 'w' })).toEqual({ kind: 'stale' });
    expect(await store.undispatched(0, 1000)).not.toContainEqual(expect.objectContaining({ runId: run.id }));
    expect((await logOf(store, run.id)).events).toHaveLength(2);
  });

  test('the worker of a running run is told by a signal, at renewal, and once', async () => {
    const signals: WorkerSignal[] = [];
    const stop = await store.onWorkerSignal('wrk_signals', (signal) => signals.push(signal));
    const { id, lease } = await started(store, undefined, 'wrk_signals');
    const answers = await Promise.all([store.cancel(id), store.cancel(id), store.cancel(id)]);
    expect(answers.map(({ kind }) => kind)).toEqual(['requested', 'requested', 'requested']);
    await waitFor(() => signals.length > 0, { what: 'the signal' });
    const renewed = await store.renew(lease);
    expect(renewed).toMatchObject({ kind: 'renewed', cancelRequested: true, inbox: [{ id: expect.stringMatching(/^inp_/), type: 'cancel', data: '{}' }] });
    const lines = linesOf((await logOf(store, id)).events).filter((line) => line.includes('input.received'));
    expect(lines).toEqual([expect.stringMatching(/^1-3 input.received \{"input_id":"inp_\w+","type":"cancel"\}$/)]);
    expect((await store.get(id))?.cancelRequestedAt).not.toBeNull();
    expect(signals).toEqual([{ runId: id, type: 'cancel' }]);

    await store.finish(lease, { ...SUCCEEDED, status: 'canceled' });
    expect(await store.cancel(id)).toMatchObject({ kind: 'already_terminal', run: { status: 'canceled' } });
    expect(await redis.exists(`runyard:run:${id}:inbox`)).toBe(0);
    await stop();
    await waitFor(async () => (await redis.pubsub('NUMSUB', 'runyard:worker:wrk_signals:signals'))[1] === 0, { what: 'the end of the subscription' });
  });

  test('a finished run stays as it ended', async () => {
    const { id } = await finished(store);
    expect(await store.cancel(id)).toMatchObject({ kind: 'already_terminal', run: { status: 'succeeded', cancelRequestedAt: null } });
  });

  test('100 cancels against 100 finishes: one end each', async () => {
    for (let i = 0; i < 100; i++) {
      const { id, lease } = await started(store);
      const [canceled, ended] = await Promise.all([store.cancel(id), store.finish(lease, SUCCEEDED)]);
      expect([canceled.kind, ended.kind]).toEqual([expect.stringMatching(/requested|already_terminal/), 'finished']);
      expect((await logOf(store, id)).events.filter(({ type }) => type === 'run.finished')).toHaveLength(1);
    }
  });
});
