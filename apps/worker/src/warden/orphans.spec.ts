// What dead workers left is ended and removed; what lives, or belongs to somebody else, is left alone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RUN_MARK_ENV } from '@runyard/claude';
import { temporaryDirectory } from '@runyard/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { endOrphans } from './orphans.js';
import { ownIdentity, WatchRecords } from './watch-records.js';
import type { WatchRecord } from './watch-records.js';

vi.setConfig({ testTimeout: 120_000 });

let count = 0;

function marked(mark: string) {
  const child = spawn('setsid', ['sh', '-c', 'while :; do sleep 1; done'], { env: { PATH: '/usr/bin:/bin', [RUN_MARK_ENV]: mark }, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { alive: () => child.exitCode === null && child.signalCode === null, ended: once(child, 'exit') };
}

async function place() {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const mark = `orphans.${process.pid}.${(count += 1)}`;
  const privateDir = join(directory.path, `runyard-${count}`);
  await mkdir(privateDir);
  const path = join(directory.path, 'runyard-watch-x.json');
  const record = (more: Partial<WatchRecord>) => writeFile(path, JSON.stringify({ ...ownIdentity(), mark, directories: [privateDir], ...more }));
  const ended: string[] = [];
  const look = () => endOrphans({ directory: directory.path, onEnded: (one) => ended.push(one) });
  return { directory: directory.path, mark, privateDir, path, record, ended, look, child: marked(mark) };
}

/** The pid of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn('true', { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}

test('a dead worker: its processes end, its directories and its record are gone', async () => {
  const { mark, privateDir, path, record, ended, look, child } = await place();
  await record({ pid: await deadPid() });
  await look();
  await child.ended;
  expect([existsSync(privateDir), existsSync(path), ended]).toEqual([false, false, [mark]]);
});

test('another process that was given the number of a dead worker does not keep its run alive', async () => {
  const { record, look, child, path } = await place();
  await record({ startedAt: '1' });
  await look();
  await child.ended;
  expect(existsSync(path)).toBe(false);
});

test('what a live worker watches is left alone', async () => {
  const { directory, mark, privateDir, look, child, ended } = await place();
  const records = new WatchRecords(directory);
  onTestFinished(() => records.close());
  const path = records.add(mark, [privateDir]);
  await look();
  expect([child.alive(), existsSync(privateDir), existsSync(path), ended]).toEqual([true, true, true, []]);
});

test.each<[string, Partial<WatchRecord>]>([
  ['of another machine', { host: 'elsewhere' }],
  ['of a neighbour that cannot be seen and was heard of lately', { pidNamespace: 'pid:[1]' }],
])('the record %s is left alone', async (_, more) => {
  const { record, look, child, path, privateDir } = await place();
  await record({ pid: await deadPid(), ...more });
  await look();
  expect([child.alive(), existsSync(path), existsSync(privateDir)]).toEqual([true, true, true]);
});

test('the record of an earlier life of the same container is acted on when nobody has touched it for minutes', async () => {
  const { record, look, path, privateDir } = await place();
  await record({ pidNamespace: 'pid:[1]' });
  const hourAgo = Date.now() / 1000 - 3600;
  await utimes(path, hourAgo, hourAgo);
  await look();
  expect([existsSync(path), existsSync(privateDir)]).toEqual([false, false]);
});

test('a record can name only directories beside it that are ours; links and nonsense are no records', async () => {
  const { directory, record, look, path } = await place();
  const outside = await temporaryDirectory();
  onTestFinished(() => outside.remove());
  await mkdir(join(directory, 'other'));
  await record({ pid: await deadPid(), directories: [outside.path, join(directory, 'other'), join(directory, 'runyard-1', '..', 'other'), directory] });
  await writeFile(join(outside.path, 'planted'), JSON.stringify({ ...ownIdentity(), pid: await deadPid(), mark: 'x', directories: [] }));
  await symlink(join(outside.path, 'planted'), join(directory, 'runyard-watch-link.json'));
  await writeFile(join(directory, 'runyard-watch-nonsense.json'), '{"mark":1}');
  await look();
  expect([path, outside.path, join(directory, 'other'), join(outside.path, 'planted')].map(existsSync)).toEqual([false, true, true, true]);
});
