// `runyard schedules` against a real API process, with YAML files.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run, Schedule, ScheduleList } from '@runyard/domain';
import { afterEach, expect, test } from 'vitest';
import { onRealApi } from './real-api.fixture.js';
import type { RealApi } from './real-api.fixture.js';

let api: RealApi;

onRealApi((started) => (api = started));
afterEach(async () => {
  for (const { id } of await all()) await api.runyard('schedules', 'rm', id);
});

const schedules: RealApi['runyard'] = (...argv) => api.runyard('schedules', ...argv);
const all = async (): Promise<Schedule[]> => (await api.json<ScheduleList>('schedules', 'ls')).data;

async function file(text: string): Promise<string> {
  const path = join(api.dir.path, 'schedules.yaml');
  await writeFile(path, text);
  return path;
}

const apply = async (text: string) => schedules('apply', '-f', await file(text));

// Due in one minute of a year only, so nothing happens by itself while the spec runs.
const NIGHTLY = '  nightly:\n    cron: 30 2 29 2 *\n    timezone: Europe/Berlin\n    overlap: queue\n    run: {prompt: Report, tags: [daily]}\n';
const HEALTH = '  health:\n    every_seconds: 31000000\n    run: {prompt: Fine?}\n';

test('a file is applied, and applied again it changes what changed; ls shows what there is', async () => {
  expect((await schedules('ls')).err).toContain('schedules apply -f');
  expect(await apply(`schedules:\n${NIGHTLY}${HEALTH}`)).toEqual({ code: 0, out: 'sch_nightly applied\nsch_health applied\n', err: '' });
  const lines = (await schedules('ls')).out.split('\n');
  expect(lines.find((line) => line.startsWith('nightly'))).toMatch(/on +30 2 29 2 \* Europe\/Berlin .* Report/);
  expect(lines.find((line) => line.startsWith('health'))).toMatch(/on +every 31000000 s .* Fine\?/);

  const { data: changed } = await api.json<ScheduleList>('schedules', 'apply', '-f', await file(`schedules:\n${NIGHTLY.replace('Report', 'Tell')}`));
  expect(changed).toMatchObject([{ id: 'sch_nightly', cron: '30 2 29 2 *', overlap: 'queue', run: { prompt: 'Tell', tags: ['daily'] } }]);
  expect((await all()).map(({ id, run }) => [id, run.prompt])).toEqual([['sch_health', 'Fine?'], ['sch_nightly', 'Tell']]);
});

test('a file is read from standard input as well, by the same rules', async () => {
  expect(await api.withInput(`schedules:\n${NIGHTLY}`, 'schedules', 'apply', '-f', '-')).toEqual({ code: 0, out: 'sch_nightly applied\n', err: '' });
  expect(await all()).toMatchObject([{ id: 'sch_nightly', run: { prompt: 'Report' } }]);
  for (const [input, message] of [['schedules: [', /standard input: .*line 1/], ['', /standard input holds no schedules/]] as const) {
    expect(await api.withInput(input, 'schedules', 'apply', '-f', '-')).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) });
  }
  expect(await schedules('apply', '-f', '/nowhere.yaml')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Cannot read /nowhere.yaml (ENOENT)') });
});

test('run makes a run now; pause and resume keep the rest of the schedule; rm forgets it and leaves its runs', async () => {
  await apply(`schedules:\n${NIGHTLY}`);
  const [before] = await all();
  const made = await schedules('run', 'nightly');
  const id = made.out.trim();
  expect(made.err).toMatch(new RegExp(`^sch_nightly made a run.* logs -f ${id}\\n$`));
  expect(await api.json<Run>('show', id)).toMatchObject({ id, schedule_id: 'sch_nightly', prompt: 'Report', tags: ['daily'], trigger: 'schedule' });

  expect(await schedules('pause', 'sch_nightly')).toEqual({ code: 0, out: 'sch_nightly paused\n', err: '' });
  expect((await schedules('ls')).out).toMatch(/nightly +paused /);
  expect(await all()).toMatchObject([{ enabled: false, next_runs: [] }]);
  expect((await schedules('resume', 'nightly')).out).toBe('sch_nightly resumed\n');
  expect(await all()).toEqual([{ ...before, updated_at: expect.any(String), last_run_id: id }]);

  expect(await schedules('rm', 'nightly')).toEqual({ code: 0, out: 'sch_nightly forgotten\n', err: '' });
  expect(await all()).toEqual([]);
  expect((await api.runyard('show', id)).code).toBe(0);
});

test.each([
  ['no YAML', 'schedules: [', /schedules\.yaml: .*line 1/],
  ['not schedules', 'cron: 5', /holds no schedules/],
  ['a value within itself', 'schedules: &a {x: *a}', /schedules\.yaml, line 1: \*a stands within &a/],
  ['an alias for nothing', 'schedules:\n  x:\n    run: *nope\n', /schedules\.yaml, line 3: \*nope stands for nothing/],
  ['a name that cannot be', 'schedules: {"No Such": {}}', /"No Such" cannot be the name/],
  ['too few fields of cron', `schedules:\n${HEALTH}  bad: {cron: "30 2", run: {prompt: x}}\n`, /sch_bad: [^]*cron: must be five fields/],
  ['a cron that cannot be read', `schedules:\n${HEALTH}  bad: {cron: "99 2 * * *", run: {prompt: x}}\n`, /sch_bad: [^]*cron: cannot be read/],
  ['a date that never comes', `schedules:\n${HEALTH}  bad: {cron: "0 0 31 2 *", run: {prompt: x}}\n`, /sch_bad: [^]*cron: is never due/],
  ['an unknown zone', `schedules:\n${HEALTH}  bad: {cron: "0 0 * * *", timezone: Mars/Base, run: {prompt: x}}\n`, /sch_bad: [^]*timezone: must be a time zone/],
  ['an unknown field of the run', `schedules:\n${HEALTH}  bad: {every_seconds: 60, run: {promt: x}}\n`, /sch_bad: [^]*run\.promt: is not known/],
  ['a workspace that runs may not use', `schedules:\n${HEALTH}  bad: {every_seconds: 60, run: {prompt: x, workspace: {type: directory, path: /etc}}}\n`, /sch_bad: [^]*run\.workspace/],
])('%s: exit code 2, the message names what is wrong, and nothing of the file is applied', async (_, text, message) => {
  const done = await apply(text);
  expect(done).toMatchObject({ code: 2, out: '', err: expect.stringMatching(message) });
  expect(await all()).toEqual([]);
});

test('every fault of a file is told at once, and what was there stays as it was', async () => {
  await apply(`schedules:\n${NIGHTLY}`);
  const before = await all();
  const done = await apply(`schedules:\n${NIGHTLY.replace('Report', 'Other')}  a: {every_seconds: 0, run: {prompt: x}}\n  b: {run: {prompt: x}}\n`);
  expect(done).toMatchObject({ code: 2, out: '' });
  expect(done.err).toMatch(/sch_a: [^]*every_seconds: must be at least 1[^]*sch_b: [^]*cron: is required[^]*Nothing was changed/);
  expect(await all()).toEqual(before);
});

test.each(['run', 'pause', 'resume', 'rm'])('%s of an unknown schedule: exit code 3, and none is made', async (command) => {
  const done = await schedules(command, 'nobody');
  expect(done).toMatchObject({ code: 3, out: '' });
  expect(done.err).toMatch(/^runyard: sch_nobody: There is no such schedule\b[^]*schedules ls lists the schedules/);
  expect(await all()).toEqual([]);
});

test('of several schedules the unknown one does not keep the others', async () => {
  await apply(`schedules:\n${NIGHTLY}`);
  expect(await schedules('pause', 'nobody', 'nightly')).toMatchObject({ code: 3, out: 'sch_nightly paused\n', err: expect.stringContaining('sch_nobody: ') });
});
