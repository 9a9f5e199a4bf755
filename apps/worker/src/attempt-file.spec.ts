// The file of an attempt: what is read back of what was written, whatever happened in between.
import { execFile } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { appendFile, mkdir, open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newId } from '@runyard/domain';
import { temporaryDirectory } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { AttemptFile, readAttempts } from './attempt-file.js';

async function place() {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const runId = newId('run');
  const file = await AttemptFile.create(directory.path, { runId, attempt: 1, workerId: 'wrk_x' }, { mode: 'start', costBeforeUsd: 0 });
  if (file === undefined) throw new Error('there is a file already');
  onTestFinished(() => file.close());
  const path = join(directory.path, 'runs', runId, 'attempt-1.ndjson');
  return { file, path, read: async () => (await readAttempts(directory.path, runId))[0] };
}

test('tools are there as soon as they are noted, in their order, however many at once', async () => {
  const { file, read } = await place();
  expect(await read()).toMatchObject({ tools: [] });
  const tools = Array.from({ length: 50 }, (_, index) => ({ id: `toolu_${index}`, name: index % 2 === 0 ? 'Bash' : `mcp__${'x'.repeat(20_000)}` }));
  await Promise.all(tools.map((tool) => file.noteTool(tool)));
  expect((await read())?.tools).toEqual(tools);
  await file.note({ note: 'ended' });
  expect(await read()).toMatchObject({ starting: { workerId: 'wrk_x' }, tools, ended: { note: 'ended' } });
});

test('a file of a version that noted no tools, and one that ends in half a line', async () => {
  const { file, path, read } = await place();
  await writeFile(path, `${await readFile(path, 'utf8')}{"note":"ended","sessionCostUsd":1}\n`);
  expect(await read()).toEqual({ attempt: 1, starting: { note: 'starting', workerId: 'wrk_x', mode: 'start', costBeforeUsd: 0 }, tools: [], ended: { note: 'ended', sessionCostUsd: 1 }, outcome: undefined });
  await file.noteTool({ id: 'a', name: 'Bash' });
  await appendFile(path, '{"note":"tool","id":"b');
  expect((await read())?.tools).toEqual([{ id: 'a', name: 'Bash' }]);
});

test('a line that found no room fails, and spoils none after it', async () => {
  const { file, path, read } = await place();
  await file.noteTool({ id: 'a', name: 'Bash' });
  await limitFiles((await stat(path)).size + 5);
  try {
    await expect(file.noteTool({ id: 'b', name: 'Bash' })).rejects.toThrow('EFBIG');
  } finally {
    await limitFiles('unlimited');
  }
  await file.noteTool({ id: 'c', name: 'Bash' });
  expect((await read())?.tools.map(({ id }) => id)).toEqual(['a', 'c']);
  expect(await readFile(path, 'utf8'), 'half a line of the tool that did not start').toMatch(/\n\{"not\n/);
});

/** How large files of this process may become: a real reason for a write to fail half way. */
async function limitFiles(bytes: number | 'unlimited'): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);
}

/** The paths of everything that this process syncs until the end of the test; a sync after which `fails` answers true fails like that of a broken disk. */
async function syncs(fails: (path: string) => boolean = () => false): Promise<string[]> {
  const handle = await open('/dev/null', 'r');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const original = prototype.sync;
  const synced: string[] = [];
  prototype.sync = async function sync(this: FileHandle) {
    const path = readlinkSync(`/proc/self/fd/${this.fd}`);
    synced.push(path);
    await original.call(this);
    if (fails(path)) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
  };
  onTestFinished(() => void (prototype.sync = original));
  return synced;
}

test('its name is on the disk too, with those of all directories above it, whoever made them', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const attempt = { runId: newId('run'), attempt: 1, workerId: 'wrk_x' };
  const folder = join(directory.path, 'runs', attempt.runId);
  await mkdir(join(folder, 'attempt-1', 'projects'), { recursive: true });
  const synced = await syncs();
  await (await AttemptFile.create(directory.path, attempt, { mode: 'start', costBeforeUsd: 0 }))?.close();
  expect(synced).toEqual([join(folder, 'attempt-1.ndjson'), folder, join(directory.path, 'runs'), directory.path]);
});

test('one that could not be brought to the disk is not there: no process was started', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const attempt = { runId: newId('run'), attempt: 1, workerId: 'wrk_x' };
  await syncs((path) => path.endsWith('/runs'));
  await expect(AttemptFile.create(directory.path, attempt, { mode: 'start', costBeforeUsd: 0 })).rejects.toThrow('EIO');
  expect(await readdir(join(directory.path, 'runs', attempt.runId))).toEqual([]);
  expect(await readAttempts(directory.path, attempt.runId)).toEqual([]);
});
