// Secrets by name: where they come from, and that no problem quotes them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readSecret } from './secrets.js';

function file(content: string | Uint8Array): string {
  const directory = mkdtempSync(join(tmpdir(), 'runyard-secret-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'secret');
  writeFileSync(path, content);
  return path;
}

test('a variable, as it is', () => {
  expect(readSecret('A', { RUNYARD_SECRET_A: ' v1 \n' })).toEqual({ value: ' v1 \n' });
});

test('a file, without line ends at its end, read anew each time', () => {
  const path = file('line 1\nline 2\r\n\n');
  const env = { RUNYARD_SECRET_A_FILE: path };
  expect(readSecret('A', env)).toEqual({ value: 'line 1\nline 2' });
  writeFileSync(path, 'rotated\n');
  expect(readSecret('A', env)).toEqual({ value: 'rotated' });
});

test('an unknown one names itself and both variables; an empty variable counts as unset', () => {
  for (const env of [{}, { RUNYARD_SECRET_A: '', RUNYARD_SECRET_B: 'x' }]) {
    expect(readSecret('A', env)).toEqual({ problem: expect.stringMatching(/no secret A: set RUNYARD_SECRET_A, or RUNYARD_SECRET_A_FILE /) });
  }
});

test.each<[string, () => Record<string, string>, RegExp]>([
  ['both variables', () => ({ RUNYARD_SECRET_A: 'hidden', RUNYARD_SECRET_A_FILE: '/x' }), /twice/],
  ['a missing file', () => ({ RUNYARD_SECRET_A_FILE: '/nowhere/at/all' }), /RUNYARD_SECRET_A_FILE.*ENOENT/],
  ['a directory', () => ({ RUNYARD_SECRET_A_FILE: join(file('x'), '..') }), /EISDIR/],
  ['an empty file', () => ({ RUNYARD_SECRET_A_FILE: file('\n') }), /empty/],
  ['a binary file', () => ({ RUNYARD_SECRET_A_FILE: file(Uint8Array.of(0xff, 0xfe, 0x68)) }), /UTF-8/],
  ['NUL', () => ({ RUNYARD_SECRET_A_FILE: file('hidden\0') }), /NUL/],
  ['a large file', () => ({ RUNYARD_SECRET_A_FILE: file('hidden'.repeat(20_000)) }), /larger than 65536/],
  ['a large variable', () => ({ RUNYARD_SECRET_A: 'hidden'.repeat(20_000) }), /larger than 65536/],
])('%s is a problem', (_, env, problem) => {
  const reading = readSecret('A', env());
  expect(reading).toEqual({ problem: expect.stringMatching(problem) });
  expect(JSON.stringify(reading)).not.toContain('hidden');
});
