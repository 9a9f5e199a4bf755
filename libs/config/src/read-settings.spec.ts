// Settings are read from the environment or files, and every mistake is named with its fix.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { absolutePath, apiKey, flag, wholeNumber } from './fields.js';
import type { Environment } from './host-environment.js';
import { readSettings } from './read-settings.js';
import { EXIT_CODE_BAD_SETTINGS, exitOnSettingsError, SettingsError } from './settings-error.js';

const directory = mkdtempSync(join(tmpdir(), 'runyard-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

const Sample = z.object({
  RUNYARD_COUNT: wholeNumber(1, 9).default(3),
  RUNYARD_LOUD: flag.default(false),
  RUNYARD_PLACE: absolutePath.optional(),
  RUNYARD_KEY: apiKey.optional().meta({ secret: true }),
});

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function problemsOf(env: Environment): string {
  try {
    readSettings(Sample, env);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error('accepted');
}

test('defaults hold for unset and for empty variables', () => {
  const defaults = { RUNYARD_COUNT: 3, RUNYARD_LOUD: false };
  expect(readSettings(Sample, {})).toEqual(defaults);
  expect(readSettings(Sample, { RUNYARD_COUNT: '', RUNYARD_PLACE: '', RUNYARD_COUNT_FILE: '' })).toEqual(defaults);
});

test('values are typed', () => {
  expect(readSettings(Sample, { RUNYARD_COUNT: '9', RUNYARD_LOUD: 'Yes', RUNYARD_PLACE: '/a b' })).toEqual({
    RUNYARD_COUNT: 9,
    RUNYARD_LOUD: true,
    RUNYARD_PLACE: '/a b',
  });
});

test.each(['0', '10', '-1', '1.5', '1e0', '0x1', ' 1', '1 ', 'one', 'NaN', '٣'])('"%s" is no whole number from 1 to 9', (text) => {
  expect(problemsOf({ RUNYARD_COUNT: text })).toContain(`RUNYARD_COUNT must be a whole number from 1 to 9, not "${text}"`);
});

test('a value comes from a file, trimmed', () => {
  const path = file('count', '\n 7 \n');
  expect(readSettings(Sample, { RUNYARD_COUNT_FILE: path }).RUNYARD_COUNT).toBe(7);
});

test('a value and its file together are refused', () => {
  const path = file('both', '7');
  expect(problemsOf({ RUNYARD_COUNT: '7', RUNYARD_COUNT_FILE: path })).toContain(
    'RUNYARD_COUNT and RUNYARD_COUNT_FILE are both set: keep one of them',
  );
});

test('a file that cannot be read, is a directory or is empty is named by its variable', () => {
  expect(problemsOf({ RUNYARD_KEY_FILE: join(directory, 'none') })).toContain('RUNYARD_KEY_FILE names a file that cannot be read (ENOENT)');
  expect(problemsOf({ RUNYARD_KEY_FILE: directory })).toContain('RUNYARD_KEY_FILE names a file that cannot be read (EISDIR)');
  expect(problemsOf({ RUNYARD_KEY_FILE: file('empty', ' \n') })).toContain('RUNYARD_KEY_FILE names an empty file');
});

test('every bad variable is listed once, with nothing of a secret and no stack', () => {
  const secretFile = file('short-key', 'hunter2');
  chmodSync(secretFile, 0o600);
  const message = problemsOf({ RUNYARD_COUNT: 'x', RUNYARD_LOUD: 'maybe', RUNYARD_PLACE: 'here', RUNYARD_KEY_FILE: secretFile });
  expect(message.split('\n')).toEqual([
    'Cannot start: 4 settings are wrong.',
    '  RUNYARD_COUNT must be a whole number from 1 to 9, not "x"',
    '  RUNYARD_LOUD must be 1 or 0, not "maybe"',
    '  RUNYARD_PLACE must be an absolute path, not "here"',
    expect.stringMatching(/^ {2}RUNYARD_KEY must be 16 to 512 visible ASCII characters/),
    'All settings: docs/configuration.md',
  ]);
  expect(message).not.toContain('hunter2');
});

test('a required variable that is missing says so', () => {
  expect(() => readSettings(z.object({ RUNYARD_MUST: z.string() }), {})).toThrow('RUNYARD_MUST is required: set it, or its _FILE form');
});

test('the default environment is that of the process', () => {
  process.env['RUNYARD_COUNT'] = '8';
  try {
    expect(readSettings(Sample).RUNYARD_COUNT).toBe(8);
  } finally {
    delete process.env['RUNYARD_COUNT'];
  }
});

test('the user sees one block on stderr and exit code 78; a bug is thrown on', () => {
  const seen: unknown[] = [];
  const terminal = { write: (text: string) => seen.push(text), exit: (code: number) => seen.push(code) };
  const error = new SettingsError([{ name: 'RUNYARD_COUNT', fix: 'must be better' }]);
  exitOnSettingsError(error, terminal);
  expect(seen).toEqual([
    'Cannot start: one setting is wrong.\n  RUNYARD_COUNT must be better\nAll settings: docs/configuration.md\n',
    EXIT_CODE_BAD_SETTINGS,
  ]);
  expect(() => exitOnSettingsError(new RangeError('bug'), terminal)).toThrow('bug');
  expect(seen).toHaveLength(2);
});
