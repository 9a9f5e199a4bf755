// The memory of a whole run: of grandchildren too, and shared pages once.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { waitFor } from '@runyard/testing';
import { sweep } from './process-tree.js';
import { RUN_MARK_ENV } from './run-mark.js';
import { treeMemoryBytes } from './tree-memory.js';

const MARK = `tree-memory-spec-${process.pid}`;
const MEBIBYTE = 1024 * 1024;
const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await sweep(MARK);
});

test('grows by what a detached grandchild holds, and is nothing when all are gone', { timeout: 60_000 }, async () => {
  expect(await treeMemoryBytes(MARK)).toBe(0);
  const hold = `const b = Buffer.alloc(200 * ${MEBIBYTE}, 1); setInterval(() => b.length, 1e6);`;
  const parent = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(hold)}], { detached: true, stdio: 'ignore' }); setInterval(() => undefined, 1e6);`;
  started.push(spawn(process.execPath, ['-e', parent], { env: { PATH: '/usr/bin:/bin', [RUN_MARK_ENV]: MARK }, detached: true, stdio: 'ignore' }));
  const bytes = await waitFor(async () => {
    const now = await treeMemoryBytes(MARK);
    return now > 200 * MEBIBYTE && now;
  }, { what: 'the memory of the grandchild' });
  expect(bytes).toBeLessThan(1024 * MEBIBYTE);
  await sweep(MARK);
  expect(await treeMemoryBytes(MARK)).toBe(0);
});
