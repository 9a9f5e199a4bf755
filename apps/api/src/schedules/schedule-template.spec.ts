// Templates that cannot become runs: refused when they are put, told by field, and not silent when they break later.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run, Schedule } from '@runyard/domain';
import { createLogger } from '@runyard/telemetry';
import { httpCall, waitFor } from '@runyard/testing';
import type { HttpAnswer } from '@runyard/testing';
import { expect, test, vi } from 'vitest';
import { onApiStand } from '../api-stand.fixture.js';
import type { ApiStand } from '../api-stand.fixture.js';

vi.setConfig({ testTimeout: 120_000 });

const NEVER = '30 2 29 2 *';
const log: string[] = [];
const logger = createLogger({ name: 'api', level: 'warn', destination: { write: (line) => void log.push(line) } });
let dir: ApiStand['dir'];
let api: ApiStand['api'];
let call: ApiStand['call'];
onApiStand((stand) => ({ dir, api, call } = stand), { api: { logger, metricsPlace: { host: '127.0.0.1', port: 0 } }, settings: (path) => ({ workspaceRoots: [path] }) });
// A busy machine needs a while for its first connection to Redis.

const put = (id: string, body: object): Promise<HttpAnswer> => call(`/v1/schedules/${id}`, { method: 'PUT', body });
const show = async (id: string): Promise<Schedule> => (await call(`/v1/schedules/${id}`)).json as Schedule;

async function slotsCounted(reason: string): Promise<number> {
  const { text } = await httpCall(api.metricsUrl ?? '', '/metrics');
  const line = text.split('\n').find((each) => each.startsWith('runyard_schedule_slots_total{') && each.includes(`reason="${reason}"`));
  return Number(line?.split(' ').at(-1));
}

/** A schedule whose workspace has gone since it was made. */
async function broken(id: string, due: object): Promise<object> {
  const path = join(dir.path, id);
  const body = { ...due, run: { prompt: 'x', workspace: { type: 'directory', path } } };
  await mkdir(path);
  expect((await put(id, body)).status).toBe(201);
  await rm(path, { recursive: true });
  return body;
}

test('a session that is not there is refused when the schedule is put, and accepted when it is', async () => {
  for (const more of [{}, { fork: true }]) {
    for (const query of ['', '?dry_run=true']) {
      const answer = await put(`sch_session${query}`, { cron: NEVER, run: { prompt: 'x', session_id: `ses_${'0'.repeat(32)}`, ...more } });
      expect(answer.json).toMatchObject({ status: 422, code: 'session_not_found', errors: [{ field: 'run.session_id' }] });
    }
  }
  expect((await call('/v1/schedules/sch_session')).status).toBe(404);
  const { session_id } = (await call('/v1/runs', { body: { prompt: 'x' } })).json as Run;
  expect((await put('sch_session', { cron: NEVER, run: { prompt: 'x', session_id } })).status).toBe(201);
});

test('run now names the field of the schedule, not that of a run', async () => {
  await broken('sch_by-hand', { cron: NEVER });
  const answer = await call('/v1/schedules/sch_by-hand/run', { method: 'POST' });
  expect(answer.json).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ field: 'run.workspace.path', message: expect.stringContaining('does not exist') }] });
});

test('a schedule that cannot run any more says so in the log, the metrics and itself; it can be paused, not changed or resumed', async () => {
  expect(await slotsCounted('refused')).toBe(0);
  const body = await broken('sch_broken', { every_seconds: 1 });
  await waitFor(async () => (await slotsCounted('refused')) >= 1, { what: 'the refused slot to be counted', timeoutMs: 60_000 });
  expect((await show('sch_broken')).last_slot).toMatchObject({ status: 'skipped', reason: 'refused', run_id: null, detail: expect.stringMatching(/run\.workspace\.path does not exist/) });
  const warnings = log.map((line) => JSON.parse(line) as Record<string, unknown>).filter((entry) => entry['schedule_id'] === 'sch_broken');
  expect(warnings[0]).toMatchObject({ msg: expect.stringMatching(/a schedule made no run/), reason: expect.stringMatching(/run\.workspace\.path/), due_at: expect.any(String) });

  for (const change of [{}, { enabled: true }, { enabled: false, run: { prompt: 'other', workspace: { type: 'directory', path: '/etc' } } }]) expect((await put('sch_broken', { ...body, ...change })).status).toBe(422);
  expect((await put('sch_broken', { ...body, enabled: false })).status).toBe(200);
  await waitFor(async () => (await slotsCounted('disabled')) >= 1, { what: 'slots to pass', timeoutMs: 60_000 });
  expect((await show('sch_broken')).last_slot).toMatchObject({ reason: 'disabled' });
});

test('slots that make runs are counted as well', async () => {
  expect((await put('sch_fine', { every_seconds: 1, run: { prompt: 'x' } })).status).toBe(201);
  await waitFor(async () => (await slotsCounted('')) >= 1 && (await slotsCounted('overlap')) >= 1, { what: 'a run, and a slot that it holds up', timeoutMs: 60_000 });
});
