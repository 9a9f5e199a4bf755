import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SettingsError } from '@runyard/config';
import { temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findTarget } from './connection.js';
import { findDataDir } from './data-dir.js';

const KEY = 'k'.repeat(24);
let place: TemporaryDirectory;
let root: string;

beforeEach(async () => {
  place = await temporaryDirectory();
  root = join(place.path, 'checkout');
  await mkdir(join(place.path, 'repo', 'deep', 'down'), { recursive: true });
  await mkdir(root);
});
afterEach(() => place.remove());

async function stack(dataDir: string, { url = 'http://127.0.0.1:9999', key = KEY, mode = 0o600, pid = process.pid } = {}): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, 'server.json'), JSON.stringify({ url, pid, started_at: '2026-01-01T00:00:00.000Z' }));
  await writeFile(join(dataDir, 'admin.key'), `${key}\n`);
  for (const name of ['server.json', 'admin.key']) await chmod(join(dataDir, name), mode);
  return dataDir;
}

const target = (cwd: string, env = {}) => findTarget({ env, cwd: join(place.path, cwd), root });

test('the nearest .runyard counts, then that of the checkout; inside the checkout only its own', async () => {
  expect(findDataDir(join(place.path, 'repo'), root)).toBe(join(root, '.runyard'));
  await mkdir(join(place.path, '.runyard'));
  expect(findDataDir(join(place.path, 'repo', 'deep'), root)).toBe(join(place.path, '.runyard'));
  expect(findDataDir(root, root)).toBe(join(root, '.runyard'));
  expect(findDataDir(join(root, 'apps'), root)).toBe(join(root, '.runyard'));
  await writeFile(join(place.path, 'repo', 'deep', '.runyard'), 'a file');
  await mkdir(join(place.path, 'repo', '.runyard'));
  expect(findDataDir(join(place.path, 'repo', 'deep', 'down'), root)).toBe(join(place.path, 'repo', '.runyard'));
});

test('address and key come from the data directory of the checkout, from anywhere', async () => {
  const dataDir = await stack(join(root, '.runyard'));
  expect(await target('repo/deep')).toEqual({ url: 'http://127.0.0.1:9999', key: KEY, dataDir, urlFrom: 'server.json', keyFrom: 'admin.key', stackAlive: true });
});

test('variables win, each for itself, and the data directory may be named', async () => {
  await stack(join(root, '.runyard'));
  const other = await stack(join(place.path, 'other'), { url: 'http://127.0.0.1:1', key: 'o'.repeat(24), pid: 2 ** 22 + 1 });
  expect(await target('repo', { RUNYARD_URL: 'https://runyard.example/' })).toMatchObject({ url: 'https://runyard.example', key: KEY, urlFrom: 'RUNYARD_URL' });
  expect(await target('repo', { RUNYARD_API_KEY: 'e'.repeat(20) })).toMatchObject({ url: 'http://127.0.0.1:9999', key: 'e'.repeat(20), keyFrom: 'RUNYARD_API_KEY' });
  expect(await target('repo', { RUNYARD_DATA_DIR: other })).toMatchObject({ url: 'http://127.0.0.1:1', key: 'o'.repeat(24), stackAlive: false });
});

test('without anything it is the default address and no key', async () => {
  expect(await target('repo')).toMatchObject({ url: 'http://127.0.0.1:8080', key: undefined, urlFrom: 'default', keyFrom: 'nowhere', stackAlive: undefined });
});

test('files that others may read, as those of a foreign repository, decide nothing', async () => {
  await stack(join(place.path, 'repo', '.runyard'), { mode: 0o644 });
  expect(await target('repo')).toMatchObject({ url: 'http://127.0.0.1:8080', key: undefined });
});

test('a directory that was only come across may not send prompts to another machine', async () => {
  const dataDir = await stack(join(place.path, 'repo', '.runyard'), { url: 'http://evil.example:8080' });
  await expect(target('repo')).rejects.toThrow('names another machine: http://evil.example:8080');
  expect(await target('repo', { RUNYARD_DATA_DIR: dataDir })).toMatchObject({ url: 'http://evil.example:8080' });
});

test.each(['', '{', '[]', '{"url":"nowhere","pid":1,"started_at":""}', '{"url":"http://127.0.0.1:1"}'])('a server.json that holds %j is none', async (content) => {
  const dataDir = await stack(join(root, '.runyard'));
  await writeFile(join(dataDir, 'server.json'), content);
  expect(await target('repo')).toMatchObject({ urlFrom: 'default', key: KEY });
});

test('a bad variable is named', async () => {
  await expect(target('repo', { RUNYARD_URL: 'localhost' })).rejects.toThrow(SettingsError);
});

test('of a stack that is starting, the key is waited for', async () => {
  const dataDir = await stack(join(root, '.runyard'));
  await rm(join(dataDir, 'admin.key'));
  const found = findTarget({ env: {}, cwd: root, root });
  // Long enough for everything that does not wait.
  for (let turn = 0; turn < 1_000; turn += 1) await setImmediate();
  // In one step, as the API does it: nobody reads half of it.
  await writeFile(join(dataDir, 'new.key'), `${KEY}\n`, { mode: 0o600 });
  await rename(join(dataDir, 'new.key'), join(dataDir, 'admin.key'));
  expect(await found).toMatchObject({ key: KEY, keyFrom: 'admin.key', stackAlive: true });
});

test('of a stack that is gone, no key is waited for', async () => {
  const dataDir = await stack(join(root, '.runyard'), { pid: 2 ** 22 + 1 });
  await rm(join(dataDir, 'admin.key'));
  expect(await target('repo')).toMatchObject({ key: undefined, keyFrom: 'nowhere', stackAlive: false });
});
