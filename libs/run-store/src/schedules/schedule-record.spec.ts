// What a schedule tells about itself: its latest slot, and that a change leaves it paused.
import { PutSchedule } from '@runyard/domain';
import { expect, test } from 'vitest';
import type { RunStore, ScheduleRecord } from '../index.js';
import { created } from '../store.fixture.js';
import { onStoreStand } from '../store-stand.fixture.js';

let store: RunStore;
onStoreStand((stand) => ({ store } = stand));

async function put(id: string, more: object = {}): Promise<ScheduleRecord> {
  const { run, ...change } = PutSchedule.parse({ every_seconds: 60, run: { prompt: 'hello' }, ...more });
  const answer = await store.schedules.put(id, change, run);
  if (answer.kind === 'too_many' || answer.kind === 'due') throw new Error(answer.kind);
  return answer.schedule;
}

test('a change that does not say whether the schedule is paused leaves it so; a new one is not', async () => {
  const enabled = async (more?: object): Promise<boolean> => (await put('sch_pause', more)).rule.enabled;
  expect(await enabled()).toBe(true);
  expect(await enabled({ every_seconds: 120 })).toBe(true);
  expect(await enabled({ enabled: false })).toBe(false);
  expect(await enabled({ every_seconds: 60, missed: 'all' })).toBe(false);
  expect((await store.schedules.get('sch_pause'))?.rule).toMatchObject({ enabled: false, missed: 'all', every_seconds: 60 });
  expect(await enabled({ enabled: true })).toBe(true);
  expect((await put('sch_born-paused', { enabled: false })).rule.enabled).toBe(false);
});

test('a pause wins against changes that are made at the same time and do not speak of it', async () => {
  await put('sch_race');
  const changes = Array.from({ length: 30 }, (_, i) => put('sch_race', i === 15 ? { enabled: false } : { run: { prompt: `p${i}` } }));
  await Promise.all(changes);
  expect((await store.schedules.get('sch_race'))?.rule.enabled).toBe(false);
});

test('the latest slot is told with the schedule, alone and in the list', async () => {
  const schedule = await put('sch_slots');
  expect(schedule.lastSlot).toBeNull();
  const claim = (offset: number) => ({ scheduleId: schedule.id, revision: 1, decidedMs: schedule.decidedMs + offset - 1, dueMs: schedule.decidedMs + offset });
  const first = await store.schedules.createRun({ scheduleId: schedule.id, request: schedule.request, slot: { ...claim(1), overlap: 'skip' } });
  expect((await store.schedules.get(schedule.id))?.lastSlot).toMatchObject({ status: 'created', runId: first.kind === 'created' && first.run.id });
  await store.schedules.skip({ ...claim(2), reason: 'refused', detail: 'gone' });
  const last = { status: 'skipped', reason: 'refused', detail: 'gone', dueAt: new Date(schedule.decidedMs + 2).toISOString() };
  expect((await store.schedules.get(schedule.id))?.lastSlot).toMatchObject(last);
  expect((await store.schedules.list({ limit: 100 })).schedules.find(({ id }) => id === schedule.id)?.lastSlot).toMatchObject(last);
});

test('a session is known while a run of it is', async () => {
  const { id, sessionId } = await created(store);
  expect(await store.schedules.hasSession(sessionId)).toBe(true);
  await store.cancel(id);
  await store.delete(id);
  expect(await store.schedules.hasSession(sessionId)).toBe(false);
});
