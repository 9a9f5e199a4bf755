// Proves the README's first commands in a fresh copy: npm start, a run in somebody's repository, Ctrl-C. Prints times.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshCopy } from './fresh-copy.mjs';

const MARK = `RUNYARD_PROOF=${process.pid}-${Date.now()}`;
const READY_WITHIN_MS = 10 * 60_000;

/** The environment of a newcomer: no credentials, no Redis, a home of their own; only npm's cache and settings stay. */
function newcomer(home, port) {
  const keep = ['PATH', 'LANG', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
  const env = Object.fromEntries(keep.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  const npm = (setting) => execFileSync('npm', ['config', 'get', setting], { encoding: 'utf8' }).trim();
  const [name, value] = MARK.split('=');
  return {
    ...env,
    HOME: home,
    [name]: value,
    npm_config_cache: npm('cache'),
    npm_config_registry: npm('registry'),
    RUNYARD_PORT: String(port),
    RUNYARD_WORKER_PORT: '0',
  };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function until(what, withinMs, condition) {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited ${withinMs / 1000} s in vain: ${what}`);
}

/** Processes that carry the mark of this proof in their environment. */
function marked() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(MARK);
      } catch {
        return false;
      }
    });
}

function collect(child) {
  const text = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (part) => (text.out += part));
  child.stderr.setEncoding('utf8').on('data', (part) => (text.err += part));
  return text;
}

function ended(child) {
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
}

/** A repository such as a reader has, below the home directory. */
function repositoryOf(home) {
  const repository = join(home, 'my-repository');
  mkdirSync(repository);
  writeFileSync(join(repository, 'README.md'), '# My repository\n');
  execFileSync('git', ['init', '-q', repository]);
  return repository;
}

async function submit(root, cwd, env, args) {
  const child = spawn(join(root, 'bin/runyard'), ['submit', ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = collect(child);
  const result = await ended(child);
  if (result.code !== 0) throw new Error(`runyard submit ${args.join(' ')} ended with ${result.code}\n${text.out}\n${text.err}`);
  return text;
}

async function firstText(root, cwd, env) {
  const started = performance.now();
  const child = spawn(join(root, 'bin/runyard'), ['submit', '--here', '--follow', 'Hello'], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = collect(child);
  const over = ended(child);
  await until('the first streamed text', 120_000, () => text.out.trim() !== '');
  const firstMs = performance.now() - started;
  const { code } = await over;
  if (code !== 0) throw new Error(`the first run ended with ${code}\n${text.out}\n${text.err}`);
  return { firstMs, text };
}

async function main() {
  const home = mkdtempSync(join(tmpdir(), 'runyard-newcomer-'));
  const root = join(home, 'runyard');
  freshCopy(root);
  const port = await freePort();
  const env = newcomer(home, port);
  const started = performance.now();
  const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
  const service = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const log = collect(service);
  const over = ended(service);
  try {
    await until('npm start to be ready', READY_WITHIN_MS, async () => {
      if (service.exitCode !== null) throw new Error('npm start ended');
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
      return answer?.ok;
    });
    const readyMs = performance.now() - started;
    const repository = repositoryOf(home);
    const { firstMs, text } = await firstText(root, repository, env);
    const again = await firstText(root, repository, env);
    console.log(`npm start in a fresh copy → ready: ${seconds(readyMs)}`);
    console.log(`submit --follow → first streamed text: ${seconds(firstMs)}, second run ${seconds(again.firstMs)}`);
    console.log(`npm start in a fresh copy → first streamed text: ${seconds(readyMs + firstMs)}`);
    const here = await submit(root, repository, env, ['--here', '--wait', '[[bash cmd="pwd"]] where are you?']);
    console.log(text.out.trimEnd(), here.out.trimEnd(), sep(text.err));
    process.kill(-service.pid, 'SIGINT');
    const { code } = await over;
    const left = await until('every process to end', 20_000, () => marked().length === 0).catch(() => false);
    if (!left) throw new Error(`processes left after Ctrl-C: ${marked().join(' ')}`);
    console.log(`Ctrl-C → ended with ${code}, 0 processes left`);
  } catch (error) {
    console.error(log.out.slice(-8000), log.err.slice(-8000));
    throw error;
  } finally {
    if (service.exitCode === null) service.kill('SIGTERM');
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 15_000))]);
    for (const pid of marked()) process.kill(Number(pid), 'SIGKILL');
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

const sep = (text) => (text.trim() === '' ? '' : `\n${text.trimEnd()}`);

await main();
