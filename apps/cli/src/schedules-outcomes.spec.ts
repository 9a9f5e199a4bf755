// What `runyard schedules` tells when a schedule is paused or makes no runs, and what `workers drain` and `status` say, against a real API process.
import { newId } from '@runyard/domain';
import type { Run, ScheduleList } from '@runyard/domain';
import { redisCommand, waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { onRealApi } from './real-api.fixture.js';
import type { RealApi } from './real-api.fixture.js';

let api: RealApi;
onRealApi((started) => (api = started));

const schedules: RealApi['runyard'] = (...argv) => api.runyard('schedules', ...argv);
const apply = (text: string) => api.withInput(`schedules:\n${text}`, 'schedules', 'apply', '-f', '-');

test('a file that does not speak of it leaves a paused schedule paused and says so; enabled: true ends the pause', async () => {
  const text = '  p: {cron: 30 2 29 2 *, run: {prompt: x}}\n';
  const isEnabled = async (): Promise<boolean | undefined> => (await api.json<ScheduleList>('schedules', 'ls')).data[0]?.enabled;
  expect(await apply(text)).toEqual({ code: 0, out: 'sch_p applied\n', err: '' });
  await schedules('pause', 'p');
  expect(await apply(text.replace('prompt: x', 'prompt: y'))).toEqual({ code: 0, out: 'sch_p applied (stays paused)\n', err: '' });
  expect(await isEnabled()).toBe(false);
  expect((await schedules('ls')).out).toMatch(/^p +paused .* y$/m);
  expect((await apply(text.replace('run:', 'enabled: true, run:'))).out).toBe('sch_p applied\n');
  expect(await isEnabled()).toBe(true);
  await apply(text.replace('run:', 'enabled: false, run:'));
  expect(await isEnabled()).toBe(false);
  await schedules('rm', 'p');
});

test('ls shows that the last slot made no run, and slots shows why', async () => {
  const { id, session_id } = await api.json<Run>('submit', 'x');
  expect((await apply(`  broken: {every_seconds: 1, overlap: queue, run: {prompt: x, session_id: ${session_id}}}\n`)).code).toBe(0);
  await waitFor(async () => / on .* run +run_/.test((await schedules('ls')).out), { what: 'a slot with a run' });
  await schedules('pause', 'broken');
  const runs = (await api.runyard('ps', '-aq')).out.trim().split('\n');
  await api.runyard('cancel', ...runs);
  expect((await api.runyard('rm', ...runs)).out).toContain(id);
  await redisCommand(api.redis.connection, 'HSET', 'runyard:schedule:sch_broken', 'rule', JSON.stringify({ every_seconds: 1, timezone: 'UTC', enabled: true, overlap: 'queue', missed: 'one', jitter_seconds: 0 }));
  const shown = await waitFor(async () => {
    const done = await schedules('ls');
    return done.out.includes(' refused ') && done;
  }, { what: 'a slot that is refused' });
  expect(shown.err).toContain('sch_broken made no run when it was last due. Why: /opt/runyard/bin/runyard schedules slots broken');
  const told = await schedules('slots', 'broken');
  expect(told).toMatchObject({ code: 0, err: '' });
  expect(told.out).toMatch(/^DUE +OUTCOME +RUN\n[0-9TZ:.-]+ +refused +The session does not exist any more\.\n/);
  expect(told.out).toMatch(/^[0-9TZ:.-]+ +run +run_\w{26}$/m);
  expect(JSON.parse((await schedules('slots', 'broken', '-o', 'json')).out)).toMatchObject({ data: expect.arrayContaining([expect.objectContaining({ reason: 'refused' })]) });
  // What cannot run can be paused.
  expect((await schedules('pause', 'broken')).out).toBe('sch_broken paused\n');
  expect(await schedules('slots', 'nobody')).toMatchObject({ code: 3, out: '' });
  await schedules('rm', 'broken');
});

test('a drain says that it cannot be taken back, and how to go on', async () => {
  const id = newId('worker');
  const info = { id, host: 'h\u001b7', pid: 4711, version: '1', claudeVersion: null, capacity: 2, busy: 0, state: 'ready', runIds: [], startedAt: new Date().toISOString(), labels: {} };
  await redisCommand(api.redis.connection, 'SET', `runyard:worker:${id}`, JSON.stringify(info));
  await redisCommand(api.redis.connection, 'ZADD', 'runyard:workers', String(Date.now()), id);
  const { code, err } = await api.runyard('workers', 'drain', id);
  expect([code, err]).toEqual([0, expect.stringMatching(/cannot be taken back\. .*kill 4711/)]);
  expect(err).not.toContain('\u001b7');
});

test('status tells how many API processes there are', async () => {
  expect((await api.runyard('status')).out).toMatch(/^api +1 process$/m);
});
