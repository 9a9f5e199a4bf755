// Proves in a fresh copy that an install without any install script gives a tree that builds and runs on Node 24.
// Usage: prove-install.mjs [npm@<version>]: with that npm, such as npm@10, which Node 20 brings.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freshCopy } from './fresh-copy.mjs';

const npm = process.argv[2] === undefined ? ['npm'] : ['npx', '--yes', process.argv[2]];

/**
 * @param {string} cwd
 * @param {readonly string[]} command
 * @param {Record<string, string | undefined>} [env]
 */
function output(cwd, command, env = process.env) {
  const [program, ...args] = command;
  return execFileSync(program ?? '', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 * 1024 * 1024 });
}

/**
 * @param {string} what
 * @param {string} actual
 * @param {RegExp} expected
 */
function check(what, actual, expected) {
  const text = actual.trim();
  if (!expected.test(text)) throw new Error(`${what}: expected ${expected}, got "${text}"`);
  console.log(`${what}: ${text.split('\n').at(-1)}`);
}

/**
 * The environment of somebody who calls npm: not the one that npm gave to the script we run in.
 * @returns {Record<string, string | undefined>}
 */
function plainEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_(lifecycle|package|execpath|node_execpath|command)/.test(name));
  const path = (process.env.PATH ?? '').split(':').filter((entry) => !entry.includes('node_modules/'));
  return { ...Object.fromEntries(kept), PATH: path.join(':') };
}

/** @param {string} root */
function claudeVersion(root) {
  const scope = join(root, 'node_modules', '@anthropic-ai');
  const name = readdirSync(scope).find((entry) => entry.startsWith(`claude-code-${process.platform}-${process.arch}`));
  if (name === undefined) throw new Error(`no claude binary for ${process.platform}-${process.arch} was installed`);
  const home = join(root, '.home');
  mkdirSync(home);
  const env = { PATH: process.env.PATH, HOME: home, CLAUDE_CONFIG_DIR: home, DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' };
  return output(root, [join(scope, name, 'claude'), '--version'], env);
}

const root = mkdtempSync(join(tmpdir(), 'runyard-install-'));
try {
  freshCopy(root);
  const env = plainEnvironment();
  check('npm', output(root, [...npm, '--version'], env), /^\d+\./);
  output(root, [...npm, 'install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], env);
  output(root, ['node', join(root, 'scripts', 'prepare.mjs')], env);
  check('npm scripts run on', output(root, [...npm, 'exec', '-c', 'node --version'], env), /^v24\./);
  check('claude', claudeVersion(root), /^\d+\.\d+\.\d+/);
  output(root, [...npm, 'run', 'build'], env);
  const built = readdirSync(resolve(root, 'apps')).filter((app) => readdirSync(join(root, 'apps', app)).includes('dist'));
  check('built apps', built.join(' '), /api.*cli.*demo-model.*worker/);
} finally {
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
