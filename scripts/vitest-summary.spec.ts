// What npm test reports comes from this reporter: nothing that failed, or never ran, may be counted as passed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const repository = resolve(import.meta.dirname, '..');
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'runyard-reporter-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Runs vitest with our reporter over the given spec files and returns the counts that it wrote. */
function countsOf(specs: Record<string, string>): unknown {
  for (const [name, code] of Object.entries(specs)) writeFileSync(join(directory, `${name}.spec.js`), code);
  const summary = join(directory, 'summary.json');
  const vitest = join(repository, 'node_modules', 'vitest', 'vitest.mjs');
  const reporter = join(repository, 'scripts', 'vitest-summary.mjs');
  const env = { ...process.env, RUNYARD_TEST_SUMMARY: summary };
  const result = spawnSync(process.execPath, [vitest, 'run', '--root', directory, '--globals', '--reporter', reporter], { env, encoding: 'utf8' });
  return existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : result.stderr;
}

test('passed, failed and skipped tests are counted', () => {
  const counts = countsOf({
    one: "test('a', () => {}); test('b', () => { throw new Error('no'); }); test.skip('c', () => {}); test.todo('d');",
    two: "describe('e', () => { test('f', () => {}); });",
  });
  expect(counts).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test('a file that cannot be loaded, a failing hook and a stray rejection are failures', () => {
  expect(countsOf({ one: "test('a', () => {});", two: "import './missing.js';" })).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(countsOf({ one: "afterAll(() => { throw new Error('no'); }); test('a', () => {});", two: '' })).toMatchObject({ failed: 2 });
  rmSync(join(directory, 'two.spec.js'));
  const stray = "test('a', () => { void Promise.reject(new Error('no')); });";
  expect(countsOf({ one: stray })).toEqual({ passed: 1, failed: 1, skipped: 0 });
});
