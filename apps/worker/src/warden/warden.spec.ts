// The warden as a process: what it ends, when, and what it leaves alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RUN_MARK_ENV } from '@runyard/claude';
import { temporaryDirectory, waitFor } from '@runyard/testing';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { monotonicMs } from '../monotonic-clock.js';
import { encodeLine } from './warden-protocol.js';
import { Warden } from './warden.js';
import type { WardenOptions } from './warden.js';

// Whole processes on a machine that may be busy with others.
vi.setConfig({ testTimeout: 180_000 });

const entry = fileURLToPath(new URL('../../dist/warden/main.js', import.meta.url));
const later = () => monotonicMs() + 600_000;
let count = 0;
const newMark = () => `spec.${process.pid}.${(count += 1)}`;

const started: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A process that lives until somebody ends it. */
function marked(mark: string) {
  const child = spawn('sh', ['-c', 'while :; do sleep 1; done'], { env: { PATH: '/usr/bin:/bin', [RUN_MARK_ENV]: mark }, detached: true, stdio: 'ignore' });
  started.push(child);
  return { pid: child.pid ?? 0, alive: () => child.exitCode === null && child.signalCode === null, ended: once(child, 'exit') };
}

function startWarden(options: Partial<WardenOptions> = {}) {
  const ended: string[] = [];
  const died: string[] = [];
  const calls = { replaced: 0, givenUp: 0 };
  const warden = Warden.start({
    entry,
    onEnded: (mark) => ended.push(mark),
    onDied: (why) => died.push(why),
    onReplaced: () => (calls.replaced += 1),
    onGivenUp: () => (calls.givenUp += 1),
    ...options,
  });
  onTestFinished(() => warden.close());
  return { warden, ended, died, calls };
}

test('a deadline that passes ends the processes of its mark, and only these', async () => {
  const { warden, ended } = startWarden();
  const [late, renewed] = [newMark(), newMark()];
  await Promise.all([warden.watch(late, later(), []), warden.watch(renewed, later(), [])]);
  const [first, second, unmarked] = [marked(late), marked(renewed), marked('')];
  warden.process(late, first.pid);
  warden.renew(late, monotonicMs());
  warden.renew(renewed, later());
  await first.ended;
  await waitFor(() => ended.includes(late), { what: 'the report' });
  expect([second.alive(), unmarked.alive()]).toEqual([true, true]);
  expect(ended).not.toContain(renewed);
});

test('a process that appears after the deadline is ended too, until the mark is released', async () => {
  const { warden } = startWarden();
  const [mark, other] = [newMark(), newMark()];
  await warden.watch(mark, monotonicMs() - 1, []);
  await marked(mark).ended;
  await marked(mark).ended;
  warden.release(mark);
  // Messages are taken in order, and one look comes after the other: twice means that a whole one came after the release.
  await warden.watch(other, monotonicMs() - 1, []);
  await marked(other).ended;
  await marked(other).ended;
  const free = marked(mark);
  await marked(other).ended;
  await marked(other).ended;
  expect(free.alive()).toBe(true);
});

test('when the worker is gone everything watched is ended, its directories are removed, and the warden ends', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const path = join(directory.path, 'private');
  await mkdir(path);
  const { warden } = startWarden();
  const [watched, released] = [newMark(), newMark()];
  await Promise.all([warden.watch(watched, later(), [path]), warden.watch(released, later(), [])]);
  const [ours, free] = [marked(watched), marked(released)];
  warden.release(released);
  const { pid = 0 } = warden;
  await warden.close();
  await ours.ended;
  expect(free.alive()).toBe(true);
  expect(existsSync(path)).toBe(false);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('signals do not end it', async () => {
  const { warden, died } = startWarden();
  const mark = newMark();
  await warden.watch(mark, later(), []);
  const { pid = 0 } = warden;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
  await warden.watch(newMark(), later(), []);
  expect(warden.pid).toBe(pid);
  expect(died).toEqual([]);
});

test('one that dies is replaced by one that watches the same', async () => {
  const { warden, died, ended } = startWarden();
  const mark = newMark();
  await warden.watch(mark, later(), []);
  const child = marked(mark);
  const { pid = 0 } = warden;
  process.kill(pid, 'SIGKILL');
  await waitFor(() => warden.pid !== pid && died.length > 0, { what: 'another warden' });
  warden.renew(mark, monotonicMs());
  await child.ended;
  await waitFor(() => ended.includes(mark), { what: 'the report of the new one' });
});

test('one that is stopped is noticed, killed and replaced; what it would have done later does not happen', async () => {
  const { warden, died, calls } = startWarden();
  const mark = newMark();
  await warden.watch(mark, later(), []);
  const child = marked(mark);
  const { pid = 0 } = warden;
  process.kill(pid, 'SIGSTOP');
  await waitFor(() => calls.replaced === 1, { what: 'another warden', timeoutMs: 60_000 });
  expect(died).toEqual(['it does not answer']);
  expect(warden.pid).not.toBe(pid);
  // A stopped one that was left alone would go on with the deadline it knew.
  await waitFor(() => !existsSync(`/proc/${pid}`), { what: 'the end of the stopped one' });
  expect(child.alive()).toBe(true);
  warden.renew(mark, monotonicMs());
  await child.ended;
});

test('one that was stopped hears first what was said meanwhile: a run whose lease was renewed is not ended', async () => {
  const { warden, ended } = startWarden({ pingEveryMs: 600_000 });
  const [renewed, late] = [newMark(), newMark()];
  const [ours, other] = [marked(renewed), marked(late)];
  // It has started: the deadline, which it has to hear before it is stopped, need not leave time for that.
  await warden.watch(newMark(), later(), []);
  const soon = monotonicMs() + 5000;
  await Promise.all([warden.watch(renewed, soon, []), warden.watch(late, soon, [])]);
  process.kill(warden.pid ?? 0, 'SIGSTOP');
  warden.renew(renewed, later());
  await waitFor(() => monotonicMs() > soon, { what: 'the first deadline' });
  process.kill(warden.pid ?? 0, 'SIGCONT');
  await other.ended;
  await warden.watch(newMark(), later(), []);
  expect([ours.alive(), ended.includes(renewed)]).toEqual([true, false]);
});

test('when one after the other dies without a word the worker is told, once; nothing can be watched', async () => {
  const { warden, calls, died } = startWarden({ entry: '/dev/null', answerTimeoutMs: 300 });
  await waitFor(() => calls.givenUp > 0 && died.length > 5, { what: 'the end of trust, and another try' });
  expect([calls.givenUp, calls.replaced]).toEqual([1, 0]);
  await expect(warden.watch(newMark(), later(), [])).rejects.toThrow('does not answer');
});

test('what is watched is written down until it is released, and removed by the warden when the worker is gone', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const { warden } = startWarden({ recordsDir: directory.path });
  const marks = [newMark(), newMark()] as const;
  for (const mark of marks) await warden.watch(mark, later(), []);
  const written = await Promise.all((await readdir(directory.path)).map((name) => readFile(join(directory.path, name), 'utf8')));
  expect(written.map((text) => (JSON.parse(text) as { mark: string }).mark).toSorted()).toEqual(marks.toSorted());
  warden.release(marks[0]);
  expect(await readdir(directory.path)).toHaveLength(1);
  await warden.close();
  expect(await readdir(directory.path)).toEqual([]);
});

test('a warden that never answers is an error, not an endless wait', async () => {
  const warden = Warden.start({ entry: '/dev/null', onEnded: () => undefined, onDied: () => undefined, answerTimeoutMs: 300 });
  onTestFinished(() => warden.close());
  await expect(warden.watch(newMark(), later(), [])).rejects.toThrow('does not answer');
});

test('it ends when its worker is killed before it has said anything', async () => {
  const child = spawn(process.execPath, [entry], { stdio: ['pipe', 'ignore', 'ignore'], env: {} });
  started.push(child);
  child.stdin?.write(encodeLine({ type: 'release', mark: 'unknown' }));
  child.stdin?.end();
  expect((await once(child, 'exit'))[0]).toBe(0);
});
