// npm test: every check of the repository in order, cheap ones first, with times. The last line is "N passed, N failed".
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { WANTED } from './pinned-node.mjs';

const root = resolve(import.meta.dirname, '..');
const bin = join(root, 'node_modules', '.bin');
// Hundreds of processes load the same modules: Node keeps what it has compiled of them.
const compiled = join(root, 'node_modules', '.cache', 'compiled');

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {readonly string[]} command
 * @property {string} fix what to do when it fails
 */

/** @type {readonly Stage[]} */
const stages = [
  { name: 'arrows', command: ['node', 'scripts/arrows.mjs'], fix: 'change the import, or the rules in scripts/arrow-rules.mjs with a reason' },
  { name: 'lint', command: ['oxlint', '--deny-warnings'], fix: 'change the code; "npx oxlint --fix" does the simple ones' },
  { name: 'types of sources', command: ['nx', 'run-many', '-t', 'build', '--outputStyle=static'], fix: 'correct the types named above' },
  { name: 'types of tests', command: ['nx', 'run-many', '-t', 'typecheck', '--skipNxCache', '--outputStyle=static'], fix: 'correct the types named above' },
  { name: 'types of scripts', command: ['tsc', '-p', 'scripts'], fix: 'correct the types named above' },
  { name: 'types of container tests', command: ['tsc', '-p', 'deploy/docker/tests'], fix: 'correct the types named above' },
  { name: 'types of fault tests', command: ['tsc', '-p', 'faults'], fix: 'correct the types named above' },
  {
    name: 'generated documents',
    command: ['node', 'scripts/generate-docs.mjs', '--check'],
    fix: 'npm run docs, then commit the difference',
  },
];

/**
 * Runs a command in the root with the tools of node_modules first on PATH; resolves to its exit code.
 * @param {readonly string[]} command
 * @param {Record<string, string>} [settings]
 * @returns {Promise<number>}
 */
function run(command, settings = {}) {
  const path = `${bin}${delimiter}${process.env.PATH}`;
  const env = { ...process.env, PATH: path, NODE_COMPILE_CACHE: compiled, NX_DAEMON: 'false', NX_TUI: 'false', ...settings };
  return new Promise((done) => {
    const child = spawn(command[0] ?? '', command.slice(1), { cwd: root, env, stdio: 'inherit' });
    child.once('error', (error) => {
      console.error(error.message);
      done(127);
    });
    child.once('exit', (code) => done(code ?? 1));
  });
}

/**
 * @param {Stage} stage
 * @returns {Promise<boolean>}
 */
async function pass(stage) {
  console.log(`\n== ${stage.name}`);
  const startedAt = performance.now();
  const code = await run(stage.command);
  console.log(`== ${stage.name}: ${seconds(startedAt)}`);
  if (code !== 0) console.log(`\n${stage.name} failed. To fix: ${stage.fix}.`);
  return code === 0;
}

/** @param {number} startedAt */
function seconds(startedAt) {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}

// What an earlier run concluded about the specs is forgotten: a restored build cache may carry an answer that is out of date.
function forgetTypeChecks() {
  for (const kind of ['apps', 'libs']) {
    for (const part of readdirSync(join(root, kind))) rmSync(join(root, kind, part, 'dist', 'spec'), { recursive: true, force: true });
  }
}

/** @returns {Promise<{ passed: number, failed: number }>} */
async function runTests() {
  const directory = mkdtempSync(join(tmpdir(), 'runyard-summary-'));
  const summary = join(directory, 'summary.json');
  console.log('\n== tests');
  const startedAt = performance.now();
  try {
    const code = await run(['vitest', 'run', ...process.argv.slice(2)], { RUNYARD_TEST_SUMMARY: summary });
    const counts = existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
    console.log(`== tests: ${seconds(startedAt)}`);
    return judge(counts, code);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * @param {{ passed: number, failed: number, skipped: number }} counts
 * @param {number} code exit code of vitest
 */
function judge({ passed, failed, skipped }, code) {
  if (skipped > 0) console.log(`\n${skipped} skipped: a test that did not run has not passed.`);
  if (passed + failed + skipped === 0) console.log('\nNo test ran.');
  const bad = failed + skipped;
  return { passed, failed: bad === 0 && (code !== 0 || passed === 0) ? 1 : bad };
}

async function main() {
  if (!process.version.startsWith(WANTED)) {
    console.error(`npm test runs on Node 24, not ${process.version}. Start it as "npm test": that brings its own.`);
    return { passed: 0, failed: 1 };
  }
  forgetTypeChecks();
  for (const stage of stages) if (!(await pass(stage))) return { passed: 0, failed: 1 };
  return runTests();
}

const { passed, failed } = await main();
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
