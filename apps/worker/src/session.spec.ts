// Which conversation an attempt goes on with, and what becomes of it when the run ends without another process.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId, newSessionId, sessionUuidOf } from '@runyard/domain';
import type { RunRecord } from '@runyard/run-store';
import { temporaryDirectory } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { attemptProjects } from './attempt-file.js';
import { promote, salvage } from './session.js';
import type { WorkerParts } from './worker-parts.js';

async function place() {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const run = { id: newId('run'), sessionId: newSessionId() } as RunRecord;
  const uuid = sessionUuidOf(run.sessionId);
  const parts = { settings: { dataDir: directory.path } } as unknown as WorkerParts;
  const shelf = join(directory.path, 'runs', run.id, 'conversation');
  const session = join(directory.path, 'sessions', run.sessionId);
  const put = async (where: string, text: string, result?: string) => {
    await mkdir(join(where, uuid), { recursive: true });
    await writeFile(join(where, `${uuid}.jsonl`), text);
    if (result === undefined) await rm(join(where, uuid), { recursive: true });
    else await writeFile(join(where, uuid, 'large'), result);
  };
  return {
    run, parts, shelf, session, put,
    wrote: (attempt: number, text: string) => put(join(attemptProjects(directory.path, run.id, attempt), '-work'), text),
    read: (where: string) => readFile(join(where, `${uuid}.jsonl`), 'utf8').catch(() => undefined),
    large: (where: string) => readFile(join(where, uuid, 'large'), 'utf8').catch(() => undefined),
  };
}

const LOST = { isKept: false, saidNothing: false };

test('what the last attempt wrote is taken over, as often as somebody looks', async () => {
  const { run, parts, shelf, put, wrote, read } = await place();
  await put(shelf, 'old');
  await wrote(1, 'one');
  await wrote(2, 'two');
  for (let look = 0; look < 2; look += 1) expect([await salvage(run, { attempt: 2, ...LOST }, parts), await read(shelf)]).toEqual([true, 'two']);
});

test('a conversation that does not know what the last attempt did is none', async () => {
  const { run, parts, shelf, put, wrote } = await place();
  await wrote(1, 'one');
  await put(shelf, 'kept by attempt 1');
  expect(await salvage(run, { attempt: 2, ...LOST }, parts)).toBe(false);
  expect(await salvage(run, { attempt: 2, isKept: false, saidNothing: true }, parts)).toBe(true);
  expect(await salvage(run, { attempt: 2, isKept: true, saidNothing: false }, parts)).toBe(true);
  expect(await salvage(run, undefined, parts)).toBe(false);
});

test('the session gets the conversation once; a second time takes nothing from it', async () => {
  const { run, parts, shelf, session, put, read, large } = await place();
  await put(session, 'before', 'old result');
  await put(shelf, 'after', 'new result');
  for (let time = 0; time < 2; time += 1) {
    await promote(run, parts);
    expect([await read(session), await large(session), await read(shelf)]).toEqual(['after', 'new result', undefined]);
  }
});
