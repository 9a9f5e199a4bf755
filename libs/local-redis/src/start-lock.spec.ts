// One holder at a time, in this process and across processes, and a dead holder does not block.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withLock } from './start-lock.js';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'runyard-lock-'));
});
afterAll(() => rm(directory, { recursive: true }));

test('never two at once, and all get their turn', async () => {
  let inside = 0;
  let most = 0;
  const work = async (): Promise<number> => {
    inside += 1;
    most = Math.max(most, inside);
    for (let turns = 0; turns < 20; turns += 1) await turn();
    inside -= 1;
    return 1;
  };
  const results = await Promise.all(Array.from({ length: 8 }, () => withLock(join(directory, 'busy'), work)));
  expect(results).toHaveLength(8);
  expect(most).toBe(1);
});

test('a failure releases the lock', async () => {
  const path = join(directory, 'failing');
  await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withLock(path, () => Promise.resolve('next'))).toBe('next');
});

test('the lock of a dead process, and one without an owner, is taken over', async () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  const path = join(directory, 'dead');
  await mkdir(path);
  await writeFile(join(path, 'pid'), String(dead));
  expect(await withLock(path, () => Promise.resolve('taken'))).toBe('taken');
  await mkdir(path);
  await utimes(path, 1, 1);
  expect(await withLock(path, () => Promise.resolve('taken'))).toBe('taken');
  expect((await readdir(directory)).filter((name) => name.startsWith('dead'))).toEqual([]);
});
