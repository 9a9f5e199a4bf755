// What PUT leaves as it is, what it shows beforehand, and rules about time that only look right.
import type { Problem, Schedule } from '@runyard/domain';
import type { HttpAnswer } from '@runyard/testing';
import { expect, test } from 'vitest';
import { onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

const NEVER = '30 2 29 2 *';
const run = { prompt: 'hello' };
let call: ApiStand['call'];
onApiStand((stand) => ({ call } = stand));
// A busy machine needs a while for its first connection to Redis.

const put = (id: string, body: object): Promise<HttpAnswer> => call(`/v1/schedules/${id}`, { method: 'PUT', body });
const show = async (id: string): Promise<Schedule> => (await call(`/v1/schedules/${id}`)).json as Schedule;

test('a paused schedule stays paused until a change says otherwise', async () => {
  expect((await put('sch_a', { cron: NEVER, run })).json).toMatchObject({ enabled: true });
  await put('sch_a', { cron: NEVER, run, enabled: false });
  expect((await put('sch_a', { cron: NEVER, run: { prompt: 'other' } })).json).toMatchObject({ enabled: false, next_runs: [], run: { prompt: 'other' } });
  expect((await put('sch_a', { cron: NEVER, run, enabled: true })).json).toMatchObject({ enabled: true, next_runs: expect.arrayContaining([expect.any(String)]) });
  expect((await put('sch_b', { cron: NEVER, run, enabled: false })).json).toMatchObject({ enabled: false });
});

test('a dry run shows the schedule as it would be and changes nothing', async () => {
  const made = await put('sch_dry?dry_run=true', { cron: '0 9 * * *', timezone: 'Europe/Berlin', run });
  expect([made.status, made.headers.location]).toEqual([200, undefined]);
  expect(made.json).toMatchObject({ id: 'sch_dry', cron: '0 9 * * *', enabled: true, last_run_id: null, last_slot: null });
  expect((made.json as Schedule).next_runs).toHaveLength(5);
  expect((await call('/v1/schedules/sch_dry')).status).toBe(404);
  const before = (await put('sch_dry', { cron: NEVER, run, enabled: false })).json as Schedule;
  expect((await put('sch_dry?dry_run=true', { every_seconds: 60, run })).json).toMatchObject({ cron: null, every_seconds: 60, enabled: false, next_runs: [], created_at: before.created_at });
  expect((await put('sch_dry?dry_run=true', { every_seconds: 60, run, enabled: true })).json).toMatchObject({ enabled: true });
  expect(await show('sch_dry')).toEqual(before);
});

test.each([
  [{ cron: '*/100 * * * *' }, 'cron', /the minute cannot go in steps of 100/],
  [{ cron: '0 0 */40 * *' }, 'cron', /the day of month cannot go in steps of 40/],
  [{ cron: '60 * * * *' }, 'cron', /the minute must be within 0-59, not 60/],
  [{ cron: '* * * * *', jitter_seconds: 3600 }, 'jitter_seconds', /must be less than 60/],
  [{ cron: '* * * * *', jitter_seconds: 60 }, 'jitter_seconds', /must be less than 60/],
  [{ cron: '0,10 3 * * 1', jitter_seconds: 600 }, 'jitter_seconds', /must be less than 600/],
  [{ cron: '0 * * * *', jitter_seconds: 3600, timezone: 'Europe/Berlin' }, 'jitter_seconds', /must be less than 3600/],
])('%j is refused at %s', async (rule, field, message) => {
  const answer = await put('sch_refused', { ...rule, run });
  expect((answer.json as Problem).errors).toEqual([{ field, message: expect.stringMatching(message) }]);
  expect([answer.status, (await call('/v1/schedules/sch_refused')).status]).toEqual([422, 404]);
});

test.each([{ cron: '* * * * *', jitter_seconds: 59 }, { cron: '0,10 3 * * 1', jitter_seconds: 599 }, { cron: '0 3 * * *', jitter_seconds: 3600 }, { cron: NEVER, jitter_seconds: 3600 }])('%j is fine', async (rule) => {
  expect((await put('sch_fine?dry_run=true', { ...rule, run })).status).toBe(200);
});
