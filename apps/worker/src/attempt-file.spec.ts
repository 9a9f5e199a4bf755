// The file of an attempt: what is read back of what was written, whatever happened in between.
import { execFile } from 'node:child_process';
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
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
