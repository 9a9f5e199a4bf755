// Before npm start and npm test: installs what is missing, makes sure of Node 24, and with the argument "build" builds. Runs on Node 20.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { ensurePinnedNode } from './pinned-node.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.runyard-install');

// No script of a package is run, none is needed: the same tree whatever npm holds back.
// --no-save: an older npm would write the lock file anew without what it does not know.
const installArguments = ['install', '--no-save', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(`\n${message}`);
  process.exit(1);
}

/** What node_modules is made from: changes when it has to be installed again. */
function stamp() {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  for (const file of ['package.json', 'package-lock.json', ...partManifests()]) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function partManifests() {
  const manifests = ['apps', 'libs'].flatMap((kind) => readdirSync(join(root, kind)).map((name) => join(kind, name, 'package.json')));
  return manifests.filter((file) => existsSync(join(root, file))).toSorted();
}

function install() {
  const wanted = stamp();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return;
  console.log('Installing packages (once; about half a minute) …');
  const npm = process.env.npm_execpath || '';
  const [program, ...first] = npm.endsWith('npm-cli.js') ? [process.execPath, npm] : ['npm'];
  const result = spawnSync(program, [...first, ...installArguments], { cwd: root, stdio: 'inherit' });
  if (result.error) fail(`npm cannot be started: ${result.error.message}. It comes with Node: https://nodejs.org`);
  if (result.status !== 0) fail('npm install failed; its message is above. To try again from nothing: rm -rf node_modules');
  writeFileSync(stampFile, wanted);
}

function build() {
  if (!existsSync(join(root, 'apps', 'cli', 'dist', 'main.js'))) console.log('Building (once; some seconds) …');
  const env = { ...process.env, PATH: `${join(modules, '.bin')}${delimiter}${process.env.PATH}`, NX_DAEMON: 'false', NX_TUI: 'false' };
  const result = spawnSync('nx', ['run-many', '-t', 'build', '--outputStyle=static'], { cwd: root, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status === 0) return;
  fail(`${result.stdout || ''}${result.stderr || ''}\nThe build failed. If nothing above says why: rm -rf node_modules .nx, and run this again.`);
}

if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(`Node ${process.version} is too old to start the installation. Install Node 20 or newer (https://nodejs.org); Runyard brings its own Node 24.`);
}
mkdirSync(modules, { recursive: true });
withLock(join(modules, '.runyard-lock'), () => console.log('Another process is installing or building: waiting for it …'), () => {
  install();
  const problem = ensurePinnedNode(root);
  if (problem) fail(problem);
  if (process.argv.includes('build')) build();
});
