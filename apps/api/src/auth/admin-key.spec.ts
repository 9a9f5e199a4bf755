// The bootstrap key on disk.
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadAdminKey } from './admin-key.js';

let dir: TemporaryDirectory;
beforeAll(async () => {
  dir = await temporaryDirectory();
});
afterAll(() => dir.remove());

async function dataDir(name: string, content?: string, mode = 0o600): Promise<string> {
  const path = `${dir.path}/${name}`;
  await mkdir(path);
  if (content !== undefined) await writeFile(`${path}/admin.key`, content, { mode });
  return path;
}

test('starts at the same time agree on one key, made by one of them', async () => {
  const path = await dataDir('many');
  const keys = await Promise.all(Array.from({ length: 16 }, () => loadAdminKey(path)));
  expect(new Set(keys.map((admin) => admin.key)).size).toBe(1);
  expect(keys.filter((admin) => admin.made)).toHaveLength(1);
  expect(keys[0]?.key).toMatch(/^ryk_[\w-]{43}$/);
  expect(await readdir(path)).toEqual(['admin.key']);
  expect((await stat(`${path}/admin.key`)).mode & 0o777).toBe(0o600);
  expect(await loadAdminKey(path)).toEqual({ key: keys[0]?.key, path: `${path}/admin.key`, made: false });
});

test('two directories get two keys', async () => {
  const keys = await Promise.all([loadAdminKey(await dataDir('one')), loadAdminKey(await dataDir('two'))]);
  expect(keys[0]?.key).not.toBe(keys[1]?.key);
});

test('a key of the owner is kept, and closed to others', async () => {
  const path = await dataDir('loose', '  an-old-key-of-sixteen\n', 0o644);
  expect(await loadAdminKey(path)).toMatchObject({ key: 'an-old-key-of-sixteen', made: false });
  expect((await stat(`${path}/admin.key`)).mode & 0o777).toBe(0o600);
});

test.each([
  ['empty', ''],
  ['short', 'abc\n'],
  ['two-lines', `${'a'.repeat(20)}\n${'b'.repeat(20)}\n`],
  ['binary', '\u0000'.repeat(32)],
  ['huge', 'x'.repeat(1000)],
])('a file that is %s is refused, and left as it is', async (name, content) => {
  const path = await dataDir(name, content);
  await expect(loadAdminKey(path)).rejects.toThrow(/holds no usable key\. Remove it/);
  expect(await readFile(`${path}/admin.key`, 'utf8')).toBe(content);
});

test('a directory in the place of the key is told', async () => {
  const path = await dataDir('taken');
  await mkdir(`${path}/admin.key`);
  await expect(loadAdminKey(path)).rejects.toThrow(/admin\.key cannot be read \(EISDIR\)/);
});
