// A process that is just being replaced by another program cannot be read for an instant: whether it belongs to the run is not known then.
import { spawn } from 'node:child_process';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { sweep } from './process-tree.js';
import { RUN_MARK_ENV } from './run-mark.js';

const MARK = `incomplete-look-spec-${process.pid}`;

/** That instant is too short to be met, so it is made: `pid` cannot be read for so many `looks`. */
const table = vi.hoisted(() => ({ pid: 0, looks: 0, listed: () => {} }));
vi.mock(import('./process-table.js'), async (importOriginal) => {
  const real = await importOriginal();
  return {
    ...real,
    listProcesses: async () => {
      const entries = await real.listProcesses();
      table.listed();
      return entries;
    },
    startedWith: (pid, entry) => {
      if (pid !== table.pid || table.looks === 0) return real.startedWith(pid, entry);
      table.looks -= 1;
      return undefined;
    },
  };
});

beforeEach(() => {
  Object.assign(table, { pid: 0, looks: 0, listed: () => {} });
});

/** Starts a process that stays and cannot be read for so many looks. */
function unreadable(looks: number, env: Readonly<Record<string, string>> = {}): number {
  const child = spawn('/bin/sleep', ['600'], { env, detached: true, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  Object.assign(table, { pid: child.pid, looks });
  return child.pid ?? 0;
}

test('a time that was over before any look was complete says so: nothing is known then', async () => {
  unreadable(Infinity);
  expect(await sweep(MARK, { timeoutMs: -1 })).toEqual({ killed: [], left: undefined });
});

test('the same for one that came after the others were listed', async () => {
  table.listed = () => void unreadable(Infinity);
  expect(await sweep(MARK, { timeoutMs: -1 })).toEqual({ killed: [], left: undefined });
});

test('until then it is looked at again: one of the run is found and ended', async () => {
  const pid = unreadable(3, { [RUN_MARK_ENV]: MARK });
  expect(await sweep(MARK, { timeoutMs: 60_000 })).toEqual({ killed: [pid], left: [] });
});
