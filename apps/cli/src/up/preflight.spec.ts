import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeDataDir } from './instance.js';
import { preferPort, demandDataDir, reservePort } from './preflight.js';

let place: TemporaryDirectory;
beforeEach(async () => {
  place = await temporaryDirectory();
});
afterEach(() => place.remove());

test('the data directory is made for its owner alone', async () => {
  const dataDir = join(place.path, 'a', 'data');
  await demandDataDir(dataDir);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  await demandDataDir(dataDir);
});

test('a data directory that cannot be made says which and what to do', async () => {
  await writeFile(join(place.path, 'file'), '');
  await expect(demandDataDir(join(place.path, 'file'))).rejects.toMatchObject({ message: `The data directory ${place.path}/file cannot be used (EEXIST).` });
  await expect(demandDataDir(join(place.path, 'file', 'data'))).rejects.toMatchObject({
    message: `The data directory ${place.path}/file/data cannot be used (ENOTDIR).`,
    next: expect.stringContaining('RUNYARD_DATA_DIR'),
  });
});

test('a port in use names its setting; a preferred one gives way', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await expect(reservePort('127.0.0.1', port, 'RUNYARD_PORT')).rejects.toMatchObject({
    message: `Port ${port} of 127.0.0.1 is in use by another program.`,
    next: expect.stringContaining(`RUNYARD_PORT=${port + 10}`),
  });
  const free = await preferPort('127.0.0.1', port, 'RUNYARD_WORKER_PORT');
  expect(free).not.toBe(port);
  await new Promise((resolve) => other.close(resolve));
  expect(await reservePort('127.0.0.1', port, 'RUNYARD_PORT')).toBe(port);
});

test('an address of another machine names its setting', async () => {
  await expect(reservePort('192.0.2.1', 0, 'RUNYARD_PORT')).rejects.toMatchObject({ next: expect.stringContaining('RUNYARD_HOST') });
});

test('server.json says who has the directory, and goes with it', async () => {
  const giveBack = await takeDataDir(place.path, 'http://127.0.0.1:1');
  const path = join(place.path, 'server.json');
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ url: 'http://127.0.0.1:1', pid: process.pid, started_at: expect.stringMatching(/Z$/) });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  giveBack();
  giveBack();
  await expect(stat(path)).rejects.toThrow('ENOENT');
});

test.each([
  ['of a process that is gone', { url: 'http://127.0.0.1:1', pid: 2 ** 22 + 1, started_at: 'x' }],
  ['of a pid that another program has now', { url: 'http://127.0.0.1:1', pid: process.ppid, started_at: 'x' }],
  ['that holds nonsense', 'nonsense'],
])('a server.json %s is replaced', async (_, content) => {
  await writeFile(join(place.path, 'server.json'), JSON.stringify(content), { mode: 0o600 });
  const giveBack = await takeDataDir(place.path, 'http://127.0.0.1:2');
  expect(JSON.parse(await readFile(join(place.path, 'server.json'), 'utf8'))).toMatchObject({ url: 'http://127.0.0.1:2' });
  giveBack();
});

test('the file of somebody else is not removed', async () => {
  const giveBack = await takeDataDir(place.path, 'http://127.0.0.1:1');
  await writeFile(join(place.path, 'server.json'), JSON.stringify({ url: 'http://127.0.0.1:3', pid: 1, started_at: 'x' }));
  giveBack();
  expect(await readFile(join(place.path, 'server.json'), 'utf8')).toContain(':3');
});

test('a directory that is not ours to write is refused', async () => {
  // Root may write everywhere; there the directory of the process table has to do.
  const dataDir = process.getuid?.() === 0 ? '/proc/runyard' : join(place.path, 'closed');
  if (process.getuid?.() !== 0) {
    await mkdir(dataDir);
    await chmod(dataDir, 0o500);
  }
  await expect(demandDataDir(dataDir)).rejects.toMatchObject({ message: expect.stringContaining(dataDir) });
});
