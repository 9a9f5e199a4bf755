// Schedules over HTTP on a real Redis: what may be asked, and what they do by themselves.
import { Schedule, Slot } from '@runyard/domain';
import type { Problem, Run, RunList, ScheduleList, SlotList } from '@runyard/domain';
import { ScheduleTicks, TICK_QUEUE } from '@runyard/run-queue';
import { redisCommand, waitFor } from '@runyard/testing';
import type { HttpAnswer } from '@runyard/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { apiStand, SUCCEEDED } from '../api-stand.fixture.js';

vi.setConfig({ testTimeout: 120_000 });

const HOUR_MS = 3_600_000;
const run = { prompt: 'hello' };
let count = 0;

const stand = apiStand();
const { call, claim } = stand;

const put = (id: string, body: object): Promise<HttpAnswer> => call(`/v1/schedules/${id}`, { method: 'PUT', body });
const newId = (): string => `sch_spec-${count++}`;
const slotsOf = async (id: string): Promise<Slot[]> => ((await call(`/v1/schedules/${id}/slots?limit=100`)).json as SlotList).data;
const runsOf = async (id: string): Promise<Run[]> => ((await call(`/v1/runs?schedule_id=${id}&limit=100`)).json as RunList).data;

/** A schedule that is gone after the test. */
async function schedule(body: object, id = newId()): Promise<string> {
  const answer = await put(id, { run, ...body });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
  onTestFinished(async () => void (await call(`/v1/schedules/${id}`, { method: 'DELETE' })));
  return id;
}

/** As if nothing had looked at the schedule for so long. */
async function neglect(id: string, ms: number): Promise<void> {
  await redisCommand(stand.redis.connection, 'HSET', `runyard:schedule:${id}`, 'decided', String(Date.now() - ms));
}

/** Hourly, half an hour away from now, so that no slot is due while the test runs. */
const halfAnHourOff = (): string => `${(new Date().getUTCMinutes() + 30) % 60} * * * *`;

describe('the resource', () => {
  test('is made, looked at, listed, changed and deleted', async () => {
    const id = newId();
    const body = { cron: '30 9 * * 1-5', timezone: 'Europe/Berlin', overlap: 'queue', missed: 'all', jitter_seconds: 30, run: { prompt: 'report', tags: ['daily'] } };
    expect((await put(`${id}?dry_run=true`, body)).status).toBe(200);
    const made = await put(id, body);
    expect([made.status, made.headers.location]).toEqual([201, `/v1/schedules/${id}`]);
    const shown = Schedule.parse(made.json);
    expect(shown).toMatchObject({ ...body, id, object: 'schedule', every_seconds: null, enabled: true, last_run_id: null, last_slot: null });
    expect(shown.next_runs).toHaveLength(5);
    expect(shown.next_runs).toEqual(shown.next_runs.toSorted());
    for (const time of shown.next_runs) {
      expect(new Date(time).toLocaleString('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit' })).toBe('09:30');
      expect(Date.parse(time)).toBeGreaterThan(Date.now());
    }
    expect((await call(`/v1/schedules/${id}`)).json).toEqual(shown);
    expect(((await call('/v1/schedules?limit=100')).json as ScheduleList).data.map((each) => each.id)).toContain(id);
    const changed = await put(id, { every_seconds: 7200, enabled: false, run });
    expect([changed.status, changed.json]).toEqual([200, expect.objectContaining({ cron: null, every_seconds: 7200, enabled: false, overlap: 'skip', next_runs: [], created_at: shown.created_at })]);
    expect((await call(`/v1/schedules/${id}`, { method: 'DELETE' })).status).toBe(204);
    for (const path of ['', '/slots']) expect((await call(`/v1/schedules/${id}${path}`)).status).toBe(404);
    expect((await call(`/v1/schedules/${id}`, { method: 'DELETE' })).status).toBe(404);
    expect((await call(`/v1/schedules/${id}/run`, { method: 'POST' })).status).toBe(404);
  });

  test.each([
    [{ cron: '61 * * * *', run }, 'cron', /cannot be read: the minute .*61/],
    [{ cron: '0 0 31 2 *', run }, 'cron', /cannot be read|never due/],
    [{ cron: '* * * * * *', run }, 'cron', /five fields/],
    [{ cron: 'soon', run }, 'cron', /five fields/],
    [{ cron: 5, run }, 'cron', /must be a text/],
    [{ cron: '* * * * *', timezone: 'Mars/Olympus', run }, 'timezone', /IANA/],
    [{ every_seconds: -5, run }, 'every_seconds', /at least 1/],
    [{ every_seconds: 0, run }, 'every_seconds', /at least 1/],
    [{ every_seconds: 0.5, run }, 'every_seconds', /whole number/],
    [{ run }, 'cron', /required/],
    [{ every_seconds: 5, cron: '* * * * *', run }, 'every_seconds', /together/],
    [{ every_seconds: 5, jitter_seconds: 9, run }, 'jitter_seconds', /less than/],
    [{ every_seconds: 5, overlap: 'allow', run }, 'overlap', /one of/],
    [{ every_seconds: 5, colour: 'red', run }, 'colour', /not known/],
    [{ every_seconds: 5 }, 'run', /required/],
    [{ every_seconds: 5, run: { prompt: ' ' } }, 'run.prompt', /empty/],
    [{ every_seconds: 5, run: { prompt: 'x', colour: 'red' } }, 'run.colour', /not known/],
    [{ every_seconds: 5, run: { prompt: 'x', workspace: { type: 'directory', path: '/etc' } } }, 'run.workspace.path', /RUNYARD_WORKSPACES/],
  ])('%j is refused, naming %s and the fix', async (body, field, message) => {
    const id = newId();
    const answer = await put(id, body);
    const problem = answer.json as Problem;
    expect([answer.status, problem.code]).toEqual([422, 'invalid_request']);
    expect(problem.errors).toContainEqual({ field, message: expect.stringMatching(message) });
    expect((await call(`/v1/schedules/${id}`)).status).toBe(404);
  });

  test('ids, pages and bodies that make no sense', async () => {
    for (const id of ['nightly', 'sch_', 'sch_A', `sch_${'a'.repeat(65)}`, 'sch_a%3Aslots']) {
      expect((await put(id, { every_seconds: 5, run })).json).toMatchObject({ status: 422, errors: [{ field: 'id' }] });
      expect((await call(`/v1/schedules/${id}`)).status).toBe(404);
    }
    expect((await call('/v1/schedules?page=forged')).json).toMatchObject({ status: 400, errors: [{ field: 'page' }] });
    expect((await put(newId(), {})).status).toBe(422);
    expect((await call(`/v1/schedules/${newId()}`, { method: 'PUT', body: '{' })).status).toBe(400);
    const id = await schedule({ every_seconds: 3600 });
    expect((await call(`/v1/schedules/${id}/slots?page=-inf`)).json).toMatchObject({ status: 400, errors: [{ field: 'page' }] });
    expect((await call(`/v1/schedules/${id}/run`, { method: 'POST', body: { prompt: 'x' } })).status).toBe(422);
  });
});

describe('by itself', () => {
  test('a run for each slot, which says where it comes from', async () => {
    const id = await schedule({ every_seconds: 1, overlap: 'queue', missed: 'all', run: { prompt: 'tick', name: 'ticking' } });
    await waitFor(async () => (await slotsOf(id)).length >= 4, { what: 'four slots', timeoutMs: 60_000 });
    await put(id, { every_seconds: 1, overlap: 'queue', missed: 'all', enabled: false, run });
    const slots = (await slotsOf(id)).filter((slot) => slot.status === 'created').map((slot) => Slot.parse(slot));
    const due = slots.map((slot) => Date.parse(slot.due_at) / 1000);
    expect(due).toEqual(due.map((_, i) => (due[0] ?? 0) - i));
    const runs = await runsOf(id);
    expect(runs.map((each) => each.id)).toEqual(slots.map((slot) => slot.run_id));
    expect(runs.at(-1)).toMatchObject({ trigger: 'schedule', schedule_id: id, name: 'ticking', queued_reason: 'capacity', status: 'queued' });
    expect(runs[0]).toMatchObject({ queued_reason: 'schedule' });
    expect((await call(`/v1/schedules/${id}`)).json).toMatchObject({ last_run_id: runs[0]?.id });
  });

  test('a paused schedule makes none and says so; resumed it goes on', async () => {
    const id = await schedule({ every_seconds: 1, enabled: false, overlap: 'queue' });
    await waitFor(async () => (await slotsOf(id)).length >= 2, { what: 'slots that pass', timeoutMs: 60_000 });
    expect((await slotsOf(id)).every((slot) => slot.reason === 'disabled' && slot.run_id === null)).toBe(true);
    expect(await runsOf(id)).toEqual([]);
    await put(id, { every_seconds: 1, overlap: 'queue', enabled: true, run });
    await waitFor(async () => (await runsOf(id)).length >= 1, { what: 'a run', timeoutMs: 60_000 });
  });

  test('skip: while a run is not over, slots pass without one', async () => {
    const id = await schedule({ every_seconds: 1, overlap: 'skip', missed: 'all' });
    await waitFor(async () => (await slotsOf(id)).some((slot) => slot.reason === 'overlap'), { what: 'a slot without a run', timeoutMs: 60_000 });
    const [first] = await runsOf(id);
    await stand.worker.finish(await claim(first?.id ?? ''), SUCCEEDED);
    await waitFor(async () => (await runsOf(id)).length === 2, { what: 'the next run', timeoutMs: 60_000 });
  });

  test('cancel_previous: the earlier run is canceled, the next begins when it is over', async () => {
    const id = await schedule({ every_seconds: 1, overlap: 'cancel_previous', missed: 'all' });
    const first = await waitFor(async () => (await runsOf(id)).at(-1), { what: 'the first run', timeoutMs: 60_000 });
    const lease = await claim(first.id).catch(() => undefined);
    const later = await waitFor(async () => (await runsOf(id)).find((each) => each.id !== first.id), { what: 'the next run', timeoutMs: 60_000 });
    await put(id, { every_seconds: 1, overlap: 'cancel_previous', enabled: false, run });
    const asked = await waitFor(async () => (await runsOf(id)).find((each) => each.id === first.id && each.cancel_requested_at !== null), { what: 'the cancel', timeoutMs: 60_000 });
    if (lease && asked.status === 'running') {
      expect((await runsOf(id)).filter((each) => each.queued_reason === 'capacity')).toEqual([]);
      await stand.worker.finish(lease, { ...SUCCEEDED, status: 'canceled' });
    }
    await waitFor(async () => (await runsOf(id)).filter((each) => each.status === 'queued').map((each) => each.queued_reason).join() === 'capacity', { what: 'one run that may begin', timeoutMs: 60_000 });
    expect((await runsOf(id))[0]?.status).toBe('queued');
    expect((await runsOf(id)).at(-1)?.id).not.toBe(later.id);
  });

  test('a run that cannot be created any more: the slot says why', async () => {
    const first = (await call('/v1/runs', { body: run })).json as Run;
    const id = await schedule({ cron: halfAnHourOff(), run: { prompt: 'x', session_id: first.session_id } });
    for (const [method, path] of [['POST', '/cancel'], ['DELETE', '']] as const) await call(`/v1/runs/${first.id}${path}`, { method });
    await neglect(id, HOUR_MS);
    const slot = await waitFor(async () => (await slotsOf(id))[0], { what: 'a slot', timeoutMs: 60_000 });
    expect(slot).toMatchObject({ status: 'skipped', reason: 'refused', run_id: null, detail: 'The session does not exist any more.' });
  });

  test('ticks that were deleted come back, and no slot is lost meanwhile', async () => {
    const id = await schedule({ every_seconds: 1, overlap: 'queue', missed: 'all' });
    const ticks = ScheduleTicks.open({ redis: stand.redis.connection });
    onTestFinished(() => ticks.close());
    await waitFor(async () => (await slotsOf(id)).length >= 1, { what: 'a slot', timeoutMs: 60_000 });
    for (let i = 0; i < 2; i++) {
      await ticks.forget(id);
      await waitFor(async () => (await ticks.planned()).has(id), { what: 'the ticks again', timeoutMs: 60_000 });
    }
    const before = (await slotsOf(id)).length;
    await waitFor(async () => (await slotsOf(id)).length >= before + 2, { what: 'further slots', timeoutMs: 60_000 });
    const due = (await slotsOf(id)).map((slot) => Date.parse(slot.due_at) / 1000);
    expect(due).toEqual(due.map((_, i) => (due[0] ?? 0) - i));
  });

  test('when everything that BullMQ keeps about ticks is deleted by hand, the next slots still come', async () => {
    const id = await schedule({ every_seconds: 2, overlap: 'queue', missed: 'all', run });
    await waitFor(async () => (await slotsOf(id)).length > 0, { what: 'the first slot', timeoutMs: 60_000 });
    const keys = (await redisCommand(stand.redis.connection, 'KEYS', `runyard:bull:${TICK_QUEUE}:*`)) as string[];
    expect(keys.length).toBeGreaterThan(2);
    for (const key of keys) await redisCommand(stand.redis.connection, 'DEL', key);
    const before = (await slotsOf(id)).length;
    await waitFor(async () => (await slotsOf(id)).length > before + 2, { what: 'further slots', timeoutMs: 60_000 });
    const due = (await slotsOf(id)).map(({ due_at }) => Date.parse(due_at)).toSorted();
    expect(due.map((time) => (time - (due[0] ?? 0)) / 2000)).toEqual(due.map((_, i) => i));
  });

  test('ticks of a schedule that does not exist are ended', async () => {
    const ticks = ScheduleTicks.open({ redis: stand.redis.connection });
    onTestFinished(() => ticks.close());
    await ticks.plan('sch_nobody', { everySeconds: 1 });
    await waitFor(async () => !(await ticks.planned()).has('sch_nobody'), { what: 'the end of its ticks', timeoutMs: 60_000 });
  });
});

describe('missed slots', () => {
  test.each([
    ['skip', 0],
    ['one', 1],
    ['all', 3],
  ])('%s: of three there are %i runs', async (missed, expected) => {
    const id = await schedule({ cron: halfAnHourOff(), missed, overlap: 'queue' });
    await neglect(id, 3 * HOUR_MS);
    const slots = await waitFor(async () => (await slotsOf(id)).length === 3 && slotsOf(id), { what: 'three slots', timeoutMs: 60_000 });
    const created = slots.filter((slot) => slot.status === 'created');
    expect(created).toHaveLength(expected);
    expect((await runsOf(id)).map((each) => each.id)).toEqual(created.map((slot) => slot.run_id));
    expect(slots.filter((slot) => slot.status === 'skipped').every((slot) => slot.reason === 'missed')).toBe(true);
    // The latest has the run.
    if (expected > 0) expect(slots[0]?.status).toBe('created');
  });

  test('all is not more than 100, and the ledger says which were left out', async () => {
    const id = await schedule({ cron: halfAnHourOff(), missed: 'all', overlap: 'queue' });
    await neglect(id, 200 * HOUR_MS);
    const left = await waitFor(async () => (((await call(`/v1/schedules/${id}/slots?limit=1&page=${Date.now() - 100 * HOUR_MS}`)).json as SlotList).data[0]), { what: 'the earlier slots', timeoutMs: 60_000 });
    expect(left).toMatchObject({ status: 'skipped', reason: 'missed' });
    expect(Date.parse(left.until ?? '') - Date.parse(left.due_at)).toBe(99 * HOUR_MS);
    await waitFor(async () => (await runsOf(id)).length === 100, { what: '100 runs', timeoutMs: 60_000 });
  });
});

test('run now: also while paused, once per key, and no slot', async () => {
  const id = await schedule({ every_seconds: 86_400, enabled: false, run: { prompt: 'now', name: 'by hand' } });
  const headers = { 'idempotency-key': `key-of-${id}` };
  const first = await call(`/v1/schedules/${id}/run`, { method: 'POST', headers });
  expect([first.status, first.json]).toEqual([201, expect.objectContaining({ trigger: 'schedule', schedule_id: id, name: 'by hand', status: 'queued', queued_reason: 'capacity' })]);
  expect(first.headers.location).toBe(`/v1/runs/${(first.json as Run).id}`);
  const again = await call(`/v1/schedules/${id}/run`, { method: 'POST', headers });
  expect([again.status, (again.json as Run).id, again.headers['idempotent-replayed']]).toEqual([201, (first.json as Run).id, 'true']);
  expect((await call('/v1/runs', { body: { prompt: 'now' }, headers })).json).toMatchObject({ code: 'idempotency_key_reused' });
  const second = await call(`/v1/schedules/${id}/run`, { method: 'POST' });
  expect((await runsOf(id)).map((each) => each.id)).toEqual([(second.json as Run).id, (first.json as Run).id]);
  expect(await slotsOf(id)).toEqual([]);
});
