// Schedules in a real Redis: one run per slot whoever asks, the turns of its runs, what is written down.
import type { PutSchedule } from '@runyard/domain';
import { PutSchedule as PutScheduleSchema } from '@runyard/domain';
import { temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RunStore } from '../index.js';
import type { ScheduledRunAnswer, ScheduleRecord } from '../index.js';
import { claimed, linesOf, logOf, SUCCEEDED } from '../store.fixture.js';

let server: TestRedis;
let directory: TemporaryDirectory;
let store: RunStore;
let count = 0;

beforeAll(async () => {
  server = await testRedis();
  directory = await temporaryDirectory();
  store = RunStore.open({ redis: server.connection, role: 'worker', dataDir: directory.path });
}, 300_000);
afterAll(async () => {
  await store.close();
  await server.stop();
  await directory.remove();
});

async function put(more: Partial<PutSchedule> = {}, id = `sch_test-${count++}`): Promise<ScheduleRecord> {
  const { run, ...rule } = PutScheduleSchema.parse({ every_seconds: 60, run: { prompt: 'hello' }, ...more });
  const answer = await store.schedules.put(id, rule, run);
  if (answer.kind === 'too_many' || answer.kind === 'due') throw new Error(answer.kind);
  return answer.schedule;
}

const slotOf = (schedule: ScheduleRecord, dueMs: number, decidedMs = schedule.decidedMs) => ({ scheduleId: schedule.id, revision: schedule.revision, decidedMs, dueMs });

function fire(schedule: ScheduleRecord, dueMs: number, decidedMs = schedule.decidedMs): Promise<ScheduledRunAnswer> {
  const slot = { ...slotOf(schedule, dueMs, decidedMs), overlap: schedule.rule.overlap };
  return store.schedules.createRun({ scheduleId: schedule.id, request: schedule.request, slot });
}

async function made(answer: Promise<ScheduledRunAnswer>) {
  const done = await answer;
  if (done.kind !== 'created') throw new Error(JSON.stringify(done));
  return done.run;
}

async function finish(runId: string) {
  const run = await store.get(runId);
  const { lease } = await claimed(store, { runId, dispatch: run?.dispatch ?? 0 });
  const answer = await store.finish(lease, SUCCEEDED);
  if (answer.kind !== 'finished') throw new Error(answer.kind);
  return answer.next;
}

const ledger = async (id: string) => (await store.schedules.slots(id, { limit: 100 })).slots;

describe('the record', () => {
  test('put makes and changes it; only other due times begin to count from now', async () => {
    const first = await put({ cron: '0 9 * * *', every_seconds: undefined, timezone: 'Europe/Berlin' });
    expect(first).toMatchObject({ revision: 1, lastRunId: null, request: { prompt: 'hello' }, rule: { cron: '0 9 * * *', timezone: 'Europe/Berlin', missed: 'one', enabled: true } });
    expect(first.decidedMs).toBe(first.nowMs);
    const same = { cron: '0 9 * * *', every_seconds: undefined, timezone: 'Europe/Berlin' };
    const changed = await put({ ...same, missed: 'all', run: { prompt: 'other' } }, first.id);
    expect(changed).toMatchObject({ revision: 2, decidedMs: first.decidedMs, createdAt: first.createdAt, request: { prompt: 'other' } });
    const paused = await put({ ...same, enabled: false }, first.id);
    expect(paused.decidedMs).toBe(first.decidedMs);
    const later = await put({ ...same, cron: '0 10 * * *' }, first.id);
    expect(later.decidedMs).toBe(later.nowMs);
    expect(await store.schedules.get(first.id)).toMatchObject({ revision: 4, rule: { cron: '0 10 * * *' } });
  });

  test('is not changed while a slot is due that nobody has decided', async () => {
    const { id, rule, request, nowMs } = await put();
    expect(await store.schedules.put(id, rule, request, nowMs)).toEqual({ kind: 'due' });
    expect(await store.schedules.put(id, rule, request, nowMs + 60_000)).toMatchObject({ kind: 'updated', schedule: { revision: 2 } });
  });

  test('strange ids are unknown', async () => {
    for (const id of ['', 'sch_', 'run_x', 'sch_A', 'sch_a:slots', 'sch_a\n']) {
      expect(await store.schedules.get(id)).toBeUndefined();
      expect(await store.schedules.delete(id)).toBe(false);
    }
    await expect(store.schedules.list({ limit: 1, page: 'sch_a:x' })).rejects.toThrow('next_page');
    await expect(store.schedules.slots('sch_a', { limit: 1, page: '-inf' })).rejects.toThrow('next_page');
  });

  test('lists are ordered by id and page without a gap', async () => {
    const ids = ['sch_zz-1', 'sch_zz-2', 'sch_zz-3'];
    for (const id of ids.toReversed()) await put({}, id);
    const seen: string[] = [];
    for (let page: string | null | undefined; page !== null; ) {
      const answer = await store.schedules.list({ limit: 2, ...(page !== undefined && { page }) });
      seen.push(...answer.schedules.map((schedule) => schedule.id));
      page = answer.nextPage;
    }
    expect(seen.filter((id) => ids.includes(id))).toEqual(ids);
    expect(seen).toEqual(seen.toSorted());
    expect((await store.schedules.timings()).map((timing) => timing.id)).toEqual(seen);
  });

  test('a schedule that is deleted is gone, its runs are not', async () => {
    const schedule = await put();
    const run = await made(fire(schedule, schedule.decidedMs + 1));
    expect([await store.schedules.delete(schedule.id), await store.schedules.delete(schedule.id)]).toEqual([true, false]);
    expect([await store.schedules.get(schedule.id), await ledger(schedule.id)]).toEqual([undefined, []]);
    expect(await store.get(run.id)).toMatchObject({ status: 'queued', scheduleId: schedule.id });
    expect(await fire(schedule, schedule.decidedMs + 2)).toEqual({ kind: 'slot_refused', reason: 'gone' });
  });
});

describe('a slot', () => {
  test('makes one run, also when 20 ask at the same time and again later', async () => {
    const schedule = await put({ overlap: 'queue' });
    const due = schedule.decidedMs + 1000;
    const answers = await Promise.all(Array.from({ length: 20 }, () => fire(schedule, due)));
    const ids = answers.flatMap((answer) => (answer.kind === 'created' ? [answer.run.id] : []));
    expect(new Set(ids).size).toBe(1);
    await finish(ids[0] ?? '');
    expect(await store.delete(ids[0] ?? '')).toBe('deleted');
    expect(await fire(schedule, due)).toEqual({ kind: 'slot_refused', reason: 'changed' });
    expect(await fire(schedule, due - 1, due)).toEqual({ kind: 'slot_refused', reason: 'changed' });
    expect((await store.list({ limit: 10, scheduleId: schedule.id })).runs).toEqual([]);
    expect(await ledger(schedule.id)).toEqual([
      { dueAt: new Date(due).toISOString(), status: 'created', reason: null, runId: ids[0], detail: null, until: null, decidedAt: expect.any(String) },
    ]);
  });

  test('is refused when the schedule has changed since it was planned', async () => {
    const schedule = await put();
    await put({ run: { prompt: 'other' } }, schedule.id);
    expect(await fire(schedule, schedule.decidedMs + 1)).toEqual({ kind: 'slot_refused', reason: 'changed' });
    expect(await store.schedules.skip({ ...slotOf(schedule, schedule.decidedMs + 1), reason: 'missed' })).toBe(false);
    expect(await ledger(schedule.id)).toEqual([]);
  });

  test('that cannot make a run leaves the schedule as it was, so that it can be written down as refused', async () => {
    const schedule = await put({ run: { prompt: 'x', session_id: `ses_${'0'.repeat(32)}` } });
    const due = schedule.decidedMs + 1;
    expect(await fire(schedule, due)).toEqual({ kind: 'session_not_found' });
    expect(await store.schedules.skip({ ...slotOf(schedule, due), reason: 'refused', detail: 'No "such" session.' })).toBe(true);
    expect(await ledger(schedule.id)).toMatchObject([{ status: 'skipped', reason: 'refused', detail: 'No "such" session.', runId: null }]);
  });

  test('the ledger keeps the latest 1000, newest first, in pages', async () => {
    const schedule = await put();
    let decided = schedule.decidedMs;
    for (let i = 1; i <= 1003; i++) {
      await store.schedules.skip({ ...slotOf(schedule, schedule.decidedMs + i, decided), reason: 'missed', ...(i === 1003 && { fromMs: schedule.decidedMs + 1003 - 0 }) });
      decided = schedule.decidedMs + i;
    }
    const seen: string[] = [];
    for (let page: string | null | undefined; page !== null; ) {
      const answer = await store.schedules.slots(schedule.id, { limit: 100, ...(page !== undefined && { page }) });
      seen.push(...answer.slots.map((slot) => slot.dueAt));
      page = answer.nextPage;
    }
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => new Date(schedule.decidedMs + 1003 - i).toISOString()));
  }, 120_000);
});

describe('a slot while an earlier run is not over', () => {
  test('skip: no run', async () => {
    const schedule = await put({ overlap: 'skip' });
    const first = await made(fire(schedule, schedule.decidedMs + 1));
    expect(await fire(schedule, schedule.decidedMs + 2, schedule.decidedMs + 1)).toEqual({ kind: 'slot_refused', reason: 'overlap' });
    await finish(first.id);
    await made(fire(schedule, schedule.decidedMs + 3, schedule.decidedMs + 2));
    expect((await ledger(schedule.id)).map((slot) => slot.reason ?? slot.status)).toEqual(['created', 'overlap', 'created']);
  });

  test('queue: runs go one after the other, whatever ends them', async () => {
    const schedule = await put({ overlap: 'queue' });
    const runs: string[] = [];
    for (let i = 1; i <= 4; i++) runs.push((await made(fire(schedule, schedule.decidedMs + i, schedule.decidedMs + i - 1))).id);
    const [a = '', b = '', c = '', d = ''] = runs;
    expect(await store.schedules.liveRuns(schedule.id)).toEqual(runs);
    expect((await store.get(b))?.queuedReason).toBe('schedule');
    expect(linesOf((await logOf(store, b)).events)).toEqual(['0-1 run.queued {"dispatch":0,"reason":"schedule"}']);
    await store.cancel(c);
    expect((await store.get(b))?.queuedReason).toBe('schedule');
    expect(await finish(a)).toMatchObject({ runId: b, dispatch: 1 });
    expect((await store.get(d))?.queuedReason).toBe('schedule');
    expect(await finish(b)).toMatchObject({ runId: d, dispatch: 1 });
    expect(await finish(d)).toBeNull();
    expect(await store.schedules.liveRuns(schedule.id)).toEqual([]);
  });

  test('queue within one session: the turn of the schedule first, then that of the session', async () => {
    const other = await made(store.schedules.createRun({ scheduleId: (await put()).id, request: { prompt: 'first' } }));
    const schedule = await put({ overlap: 'queue', run: { prompt: 'x', session_id: other.sessionId } });
    const a = await made(fire(schedule, schedule.decidedMs + 1));
    const b = await made(fire(schedule, schedule.decidedMs + 2, schedule.decidedMs + 1));
    expect([a.queuedReason, b.queuedReason]).toEqual(['session', 'schedule']);
    expect(await finish(other.id)).toMatchObject({ runId: a.id });
    expect(await finish(a.id)).toMatchObject({ runId: b.id });
    expect((await store.get(b.id))?.queuedReason).toBe('capacity');
  });

  test('no schedule has more than 100 runs that are not over', async () => {
    const schedule = await put({ overlap: 'queue' });
    for (let i = 1; i <= 100; i++) await made(fire(schedule, schedule.decidedMs + i, schedule.decidedMs + i - 1));
    expect(await fire(schedule, schedule.decidedMs + 101, schedule.decidedMs + 100)).toEqual({ kind: 'slot_refused', reason: 'queue_full' });
    expect(await store.schedules.createRun({ scheduleId: schedule.id, request: schedule.request })).toEqual({ kind: 'slot_refused', reason: 'queue_full' });
  });

  test('a run by hand waits for nobody and decides no slot', async () => {
    const schedule = await put({ overlap: 'queue' });
    await made(fire(schedule, schedule.decidedMs + 1));
    const run = await made(store.schedules.createRun({ scheduleId: schedule.id, request: schedule.request }));
    expect(run).toMatchObject({ queuedReason: 'capacity', trigger: 'schedule', scheduleId: schedule.id });
    expect(await store.schedules.get(schedule.id)).toMatchObject({ lastRunId: run.id, decidedMs: schedule.decidedMs + 1 });
  });
});
