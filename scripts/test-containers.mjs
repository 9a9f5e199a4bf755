// npm run test:containers: brings an engine where it must, runs the tests, ends with "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeAll } from '../deploy/docker/tests/remove-all.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const bringEngine = join(root, '..', 'shared', 'tools', 'docker-here');
const bin = join(root, 'node_modules', '.bin');

/** Whether an engine answers and compose is there. */
function hasEngine() {
  const answers = (/** @type {string[]} */ ...words) => spawnSync('docker', words, { stdio: 'ignore' }).status === 0;
  return answers('info') && answers('compose', 'version');
}

/**
 * @param {number} passed
 * @param {number} failed
 * @returns {never}
 */
function end(passed, failed) {
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

function needEngine() {
  if (hasEngine()) return;
  if (process.env.CI !== 'true') {
    console.log('Container tests need Docker with compose, and none answers here: not run.');
    process.exit(0);
  }
  const brought = existsSync(bringEngine) && spawnSync(bringEngine, ['up'], { stdio: 'inherit' }).status === 0;
  if (brought && hasEngine()) return;
  console.log('No Docker engine answers and none could be brought: the container tests did not run, which is a failure here.');
  end(0, 1);
}

/**
 * @param {string} testRun
 * @param {string} summary
 * @returns {Promise<number>} exit code of vitest
 */
function runTests(testRun, summary) {
  const config = join(root, 'deploy', 'docker', 'tests', 'vitest.config.ts');
  const env = { ...process.env, RUNYARD_TEST_RUN: testRun, RUNYARD_TEST_SUMMARY: summary };
  const child = spawn(join(bin, 'node'), [join(bin, 'vitest'), 'run', '--config', config, ...process.argv.slice(2)], { env, stdio: 'inherit', cwd: root });
  // A Ctrl-C reaches vitest as well, and it ends at once: what it has started is removed here.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((done) => child.once('exit', (code) => done(code ?? 1)));
}

needEngine();
const testRun = `runyard-test-${randomBytes(4).toString('hex')}`;
const directory = mkdtempSync(join(tmpdir(), 'runyard-containers-'));
const summary = join(directory, 'summary.json');
const code = await runTests(testRun, summary);
removeAll(testRun);
const { passed, failed, skipped } = existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
rmSync(directory, { recursive: true, force: true });
const bad = failed + skipped;
end(passed, bad === 0 && (code !== 0 || passed === 0) ? 1 : bad);
