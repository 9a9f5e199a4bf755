// Variables of a run: which names and values are taken.
import { expect, test } from 'vitest';
import { CreateRun } from './create-run.js';
import { Environment, isDecidedVariable } from './environment.js';

const pathsOf = (environment: unknown) =>
  CreateRun.safeParse({ prompt: 'x', environment }).error?.issues.map((issue) => issue.path.join('.')) ?? [];

test('texts and names of secrets are taken', () => {
  const environment = { CI: '1', _x: '', lower_case: 'Zeile 1\nZeile 2', NODE_ENV: 'test', env: 'x', GITHUB_TOKEN: { secret: 'GITHUB_TOKEN' } };
  expect(Environment.parse(environment)).toEqual(environment);
});

test.each([
  'PATH', 'HOME', 'LD_PRELOAD', 'NODE_OPTIONS', 'BUN_OPTIONS', 'CLAUDE_CONFIG_DIR', 'CLAUDECODE', 'ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL', 'RUNYARD_RUN_MARK', 'https_proxy', 'ALL_PROXY',
  'API_TIMEOUT_MS', 'BASH_MAX_TIMEOUT_MS', 'TMPDIR', 'IS_SANDBOX',
])('%s is not the run\'s to decide', (name) => {
  expect(isDecidedVariable(name)).toBe(true);
  expect(pathsOf({ [name]: 'x' })).toEqual([`environment.${name}`]);
  expect(pathsOf({ [name]: { secret: 'X' } })).toEqual([`environment.${name}`]);
});

test.each([
  ['no name', { '': 'x' }, 'environment.'],
  ['a name with =', { 'A=B': 'x' }, 'environment.A=B'],
  ['a name that begins with a digit', { '1A': 'x' }, 'environment.1A'],
  ['a number', { A: 1 }, 'environment.A'],
  ['NUL', { A: 'x\0y' }, 'environment.A'],
  ['a long value', { A: 'x'.repeat(32 * 1024 + 1) }, 'environment.A'],
  ['a secret without a name', { A: {} }, 'environment.A'],
  ['a secret with a value beside it', { A: { secret: 'X', value: 'y' } }, 'environment.A'],
  ['a secret by a path', { A: { secret: '../x' } }, 'environment.A.secret'],
  ['a secret by a file variable', { A: { secret: 'X_FILE' } }, 'environment.A.secret'],
  ['a list', ['A=B'], 'environment'],
  ['too many', Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`V${i}`, ''])), 'environment'],
])('%s is refused', (_, environment, path) => {
  expect(pathsOf(environment)).toContain(path);
});
