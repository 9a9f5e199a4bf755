// Whether a tool may go, by what becomes of its note.
import { appendFile } from 'node:fs/promises';
import { newId } from '@runyard/domain';
import { createLogger } from '@runyard/telemetry';
import { temporaryDirectory } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import type { ActiveRun } from './active-runs.js';
import { AttemptFile, readAttempts } from './attempt-file.js';
import { NO_SECRETS } from './run-secrets.js';
import { SecretRedactor } from './secret-redactor.js';
import { StopOrders } from './stop-orders.js';
import { noteTool } from './tool-note.js';
import type { ToolNotes } from './tool-note.js';

const call = { requestId: 'r', toolName: 'mcp__internal-4711__ask', toolUseId: 'toolu_1', input: {} };
const log = createLogger({ name: 'worker', level: 'silent' });

async function place({ secret, isHeld = true }: { readonly secret?: string; readonly isHeld?: boolean } = {}) {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const run = { id: newId('run') } as ActiveRun['run'];
  const file = await AttemptFile.create(directory.path, { runId: run.id, attempt: 1, workerId: 'wrk_x' }, { mode: 'start', costBeforeUsd: 0 });
  if (file === undefined) throw new Error('there is a file already');
  onTestFinished(() => file.close());
  const orders = new StopOrders();
  const redactor = new SecretRedactor(secret === undefined ? NO_SECRETS : new Map([['NAME', secret]]));
  const note = (notes: ToolNotes['notes'] = file) => noteTool(call, { notes, redactor }, { run, orders, isHeld: () => isHeld }, { log });
  return { file, orders, note, tools: async () => (await readAttempts(directory.path, run.id))[0]?.tools };
}

test('it is in the file when it may go, without the secrets of its run', async () => {
  const { note, tools, orders } = await place({ secret: 'internal-4711' });
  expect(await note()).toBe(true);
  expect(await tools()).toEqual([{ id: 'toolu_1', name: 'mcp__[redacted]__ask' }]);
  expect(orders.current).toBeUndefined();
});

test('a lease that was lost meanwhile: it stays', async () => {
  const { note, tools } = await place({ isHeld: false });
  expect(await note()).toBe(false);
  expect(await tools()).toHaveLength(1);
});

test('a note that cannot be written: it stays, and the run ends with the reason', async () => {
  const full = await place();
  // A device that has no room, whatever is written.
  expect(await full.note({ noteTool: () => appendFile('/dev/full', 'note') })).toBe(false);
  expect(full.orders.current).toMatchObject({ reason: 'disk_full', message: expect.stringMatching(/^mcp__internal-4711__ask could not be written down before its start: ENOSPC/) });
  const closed = await place();
  await closed.file.close();
  expect(await closed.note()).toBe(false);
  expect(closed.orders.current).toMatchObject({ reason: 'internal' });
});
