import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareDataDir } from './data-dir.js';

let base = '';
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'runyard-data-dir-'));
  await writeFile(join(base, 'file'), '');
});
afterAll(() => rm(base, { recursive: true, force: true }));

test('a missing directory and its parents are made for the owner alone, also by several at once', async () => {
  const path = join(base, 'a', 'b', 'data');
  expect(await Promise.all([prepareDataDir(path), prepareDataDir(path), prepareDataDir(path)])).toEqual([null, null, null]);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await prepareDataDir(path)).toBeNull();
  expect(await readdir(path)).toEqual([]);
});

test.each<[string, () => string, string]>([
  ['a file', () => join(base, 'file'), 'EEXIST'],
  ['below a file', () => join(base, 'file', 'data'), 'ENOTDIR'],
  ['too long a name', () => `/${'x'.repeat(300)}`, 'ENAMETOOLONG'],
  ['where nothing can be made', () => '/proc/runyard', 'ENOENT'],
  ['below that', () => '/proc/runyard/data', 'ENOENT'],
])('%s: the code of the error', async (_, path, code) => {
  expect(await prepareDataDir(path())).toBe(code);
});
