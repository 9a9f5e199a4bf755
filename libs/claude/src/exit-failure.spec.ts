// Whose SIGKILL it was: the kernel's for want of memory, or somebody else's.
import { expect, test } from 'vitest';
import { exitAfterResult, exitFailure } from './exit-failure.js';

const killed = { code: null, signal: 'SIGKILL' as const };
const aborted = { code: null, signal: 'SIGABRT' as const };
const signs = { stderr: '', sawMessage: true };

test.each([
  ['killed, and the kernel has killed somebody meanwhile', killed, { oomKills: 1 }, 'out_of_memory'],
  ['killed, and the kernel has killed nobody', killed, { oomKills: 0 }, 'killed'],
  ['killed, and nobody knows what the kernel did', killed, {}, 'killed'],
  ['ended by SIGTERM while the kernel killed another process of the run', { code: 143, signal: null }, { oomKills: 3 }, 'killed'],
  ['an exit code that stands for SIGKILL', { code: 137, signal: null }, { oomKills: 1 }, 'out_of_memory'],
  ['aborted, and it says why', aborted, { stderr: 'panic: Out of memory' }, 'out_of_memory'],
  ['aborted for another reason', aborted, { stderr: 'assertion failed' }, 'killed'],
  ['a kill by somebody else of a process that had complained', killed, { stderr: 'a tool was out of memory' }, 'killed'],
] as const)('%s', (_, exit, more, code) => {
  expect(exitFailure(exit, { ...signs, ...more }).code).toBe(code);
  expect(exitAfterResult(exit, { ...signs, ...more })).toMatchObject({ code, message: expect.stringContaining('after its result') });
});

test('a process that was not ended by a signal has not run out of memory', () => {
  expect(exitFailure({ code: 1, signal: null }, { ...signs, oomKills: 2 }).code).toBe('exited');
  expect(exitAfterResult({ code: 1, signal: null }, { ...signs, oomKills: 2 }).code).toBe('exited');
});
