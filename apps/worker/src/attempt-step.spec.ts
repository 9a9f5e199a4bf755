// Before a process is started: nothing may start under a lease that is over, and what cannot be read is not nothing.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '@runyard/domain';
import { temporaryDirectory } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import type { ActiveRun } from './active-runs.js';
import { AttemptFile, readAttempts } from './attempt-file.js';
import { openAttempt } from './attempt-step.js';
import type { WorkerParts } from './worker-parts.js';

async function place(answer: 'noted' | 'lost') {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const runId = newId('run');
  const active = { run: { id: runId, attempt: 2 }, lease: { runId, attempt: 2, workerId: 'wrk_x' } } as unknown as ActiveRun;
  const parts = { settings: { dataDir: directory.path }, store: { noteSpawn: async () => answer } } as unknown as WorkerParts;
  return { active, parts, runId, dataDir: directory.path };
}

test('the store says that the lease is lost: no process comes to be', async () => {
  const { active, parts } = await place('lost');
  expect(await openAttempt(active, 'start', 0, parts)).toEqual({ kind: 'lost' });
});

test('it is noted, once', async () => {
  const { active, parts, runId, dataDir } = await place('noted');
  const file = await openAttempt(active, 'start', 0, parts);
  expect(file).toBeInstanceOf(AttemptFile);
  if (file instanceof AttemptFile) await file.close();
  expect(await readAttempts(dataDir, runId)).toMatchObject([{ attempt: 2, starting: { mode: 'start', workerId: 'wrk_x' } }]);
  expect(await openAttempt(active, 'start', 0, parts)).toEqual({ kind: 'raise_attempt', atLeast: 2 });
});

test('a run without a directory has no attempts; one whose directory cannot be read is not such a run', async () => {
  const { dataDir, runId } = await place('noted');
  expect(await readAttempts(dataDir, runId)).toEqual([]);
  await mkdir(join(dataDir, 'runs'));
  await writeFile(join(dataDir, 'runs', runId), 'no directory');
  await expect(readAttempts(dataDir, runId)).rejects.toThrow('ENOTDIR');
});
