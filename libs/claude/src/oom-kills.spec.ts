// The kernel's count is found in both versions of control groups, inside and outside of containers.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory, waitFor } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { OomKills, oomKillCount } from './oom-kills.js';

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterAll(() => directory.remove());

const VERSION_2 = 'low 0\nhigh 2\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n';
const VERSION_1 = 'oom_kill_disable 0\nunder_oom 0\noom_kill 5\n';

/** The count with these files below a root and this membership. */
function countWith(name: string, membership: string, files: Readonly<Record<string, string>>) {
  const root = join(directory.path, name);
  for (const [path, text] of Object.entries({ membership, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return oomKillCount(root, join(root, 'membership'));
}

test('version 2', async () => {
  expect(await countWith('2', '0::/a/b\n', { 'a/b/memory.events': VERSION_2 })).toBe(3);
  expect(await countWith('2-container', '0::/../b\n', { 'memory.events': VERSION_2 })).toBe(3);
});

test('version 1, also beside an empty version 2', async () => {
  expect(await countWith('1', '4:cpu,memory:/a\n0::/\n', { 'memory/a/memory.oom_control': VERSION_1 })).toBe(5);
  expect(await countWith('1-container', '4:memory:/docker/x\n', { 'memory/memory.oom_control': VERSION_1 })).toBe(5);
});

test('nobody counts: undefined', async () => {
  expect(await countWith('none', '0::/\n', {})).toBeUndefined();
  expect(await countWith('old', '4:memory:/a\n', { 'memory/a/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\n' })).toBeUndefined();
  expect(await oomKillCount(join(directory.path, 'missing'), join(directory.path, 'missing'))).toBeUndefined();
});

test('here it is a number or not known, never an error', async () => {
  expect(await oomKillCount()).toSatisfy((count: unknown) => count === undefined || Number.isInteger(count));
});

test('a kill of long ago is nobody\'s any more, one of a moment ago is', async () => {
  const path = join(directory.path, 'history', 'memory.events');
  const kernelSays = (kills: number) => { mkdirSync(dirname(path), { recursive: true }); writeFileSync(path, `oom_kill ${kills}\n`); };
  const root = dirname(path);
  writeFileSync(join(directory.path, 'of-history'), '0::/\n');
  kernelSays(7);
  const watched = await OomKills.watch({ count: () => oomKillCount(root, join(directory.path, 'of-history')), windowMs: 200, everyMs: 20 });
  onTestFinished(() => watched.close());
  expect(await watched.recent(), 'before the start').toBe(0);
  kernelSays(8);
  expect(await watched.recent()).toBe(1);
  await waitFor(async () => (await watched.recent()) === 0, { what: 'the kill to be of long ago' });
  kernelSays(10);
  expect(await watched.recent()).toBe(2);
});

test('nobody counts: none', async () => {
  const watched = await OomKills.watch({ count: async () => undefined });
  watched.close();
  expect(await watched.recent()).toBe(0);
});
