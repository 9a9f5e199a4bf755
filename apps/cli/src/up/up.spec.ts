// The real stack as its user starts it, and the real command against it.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Run, RunEvent } from '@runyard/domain';
import { freePort, redisCacheDirectory, temporaryDirectory, waitFor } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const SLOW = { timeout: 120_000 };

interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals | null>;
  out(): string;
  err(): string;
}

let place: TemporaryDirectory;
let env: Record<string, string>;
let repository: string;
let stack: Started;

function runyard(argv: readonly string[], more: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [MAIN, ...argv], { cwd: repository, env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null);
  return { child, exited, out: () => out, err: () => err };
}

async function done(...argv: string[]): Promise<{ code: number | NodeJS.Signals | null; out: string; err: string }> {
  const started = runyard(argv);
  return { code: await started.exited, out: started.out(), err: started.err() };
}

async function startStack(): Promise<Started> {
  const started = runyard(['up']);
  await waitFor(() => started.err().includes('Runyard is ready.') || started.child.exitCode !== null, { what: 'the stack to be ready', timeoutMs: 110_000 });
  if (started.child.exitCode !== null) throw new Error(`up ended: ${started.err()} ${started.out()}`);
  return started;
}

beforeAll(async () => {
  for (const app of ['cli', 'api', 'worker', 'demo-model']) {
    if (!existsSync(join(dirname(MAIN), '../..', app, 'dist/main.js'))) throw new Error(`apps/${app} is not built: run npm run build`);
  }
  place = await temporaryDirectory();
  repository = join(place.path, 'home', 'repository');
  await mkdir(repository, { recursive: true });
  await writeFile(join(repository, 'hello.txt'), 'hello\n');
  const dataDir = join(place.path, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  // Where there is no Redis, the copy that all specs share.
  await mkdir(redisCacheDirectory(), { recursive: true });
  await symlink(redisCacheDirectory(), join(dataDir, 'redis-server'));
  env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: join(place.path, 'home'),
    RUNYARD_DATA_DIR: dataDir,
    RUNYARD_PORT: String(await freePort()),
    RUNYARD_WORKER_PORT: '0',
    RUNYARD_DRAIN_TIMEOUT_SECONDS: '60',
  };
  stack = await startStack();
}, 240_000);

afterAll(async () => {
  if (stack?.child.exitCode === null) stack.child.kill('SIGTERM');
  await stack?.exited;
  await place?.remove();
}, 120_000);

interface Known {
  readonly pid: number;
  /** When it began: a later process may get the same id. */
  readonly begin: string;
}

interface Stat extends Known {
  readonly state: string;
  readonly parent: number;
}

/** What /proc/<pid>/stat says behind the name, which may hold anything; undefined when there is no such process. */
async function statOf(pid: number): Promise<Stat | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return line === '' ? undefined : { pid, state: fields[0] ?? '', parent: Number(fields[1]), begin: fields[19] ?? '' };
}

/** The processes that descend from `pid`. */
async function descendants(pid: number): Promise<Known[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = (await Promise.all(ids.map((id) => statOf(Number(id))))).filter((one) => one !== undefined);
  const found: Known[] = [];
  const ancestors = [pid];
  for (const ancestor of ancestors) {
    const children = all.filter(({ parent }) => parent === ancestor);
    found.push(...children);
    ancestors.push(...children.map((child) => child.pid));
  }
  return found;
}

async function alive(known: readonly Known[]): Promise<number[]> {
  const now = await Promise.all(known.map(({ pid }) => statOf(pid)));
  return known.flatMap(({ pid, begin }, i) => (now[i]?.begin === begin && !/^[ZX]$/.test(now[i].state) ? [pid] : []));
}

/** A prompt of a run that is at work from "● Bash" on until `end` is called; its answer is then "released". */
function heldRun(name: string): { readonly prompt: string; end(): Promise<void> } {
  const path = join(place.path, name);
  return { prompt: `[[bash cmd="until [ -e '${path}' ]; do sleep 0.2; done; echo released" timeout=600000]]`, end: () => writeFile(path, '') };
}

test('up says where it is, what answers and what to try', async () => {
  const said = stack.err();
  expect(said).toContain(`http://127.0.0.1:${env['RUNYARD_PORT']}`);
  expect(said).toContain('DEMO: no model key is set');
  expect(said).toContain(`below ${env['HOME']}`);
  expect(said).toContain('bin/runyard submit --follow');
  const file = join(env['RUNYARD_DATA_DIR'] ?? '', 'server.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ url: `http://127.0.0.1:${env['RUNYARD_PORT']}`, pid: stack.child.pid });
});

test('a second up on the same data directory is refused, one on the same port, too', SLOW, async () => {
  const second = runyard(['up'], { RUNYARD_PORT: String(await freePort()) });
  expect(await second.exited).toBe(1);
  expect(second.err()).toContain(`Runyard is already running on ${env['RUNYARD_DATA_DIR']}: http://127.0.0.1:${env['RUNYARD_PORT']}`);
  const samePort = runyard(['up'], { RUNYARD_DATA_DIR: join(place.path, 'other') });
  expect(await samePort.exited).toBe(1);
  expect(samePort.err()).toMatch(/is in use by another program\.\n.*RUNYARD_PORT=/);
});

test('key opens the API', SLOW, async () => {
  const key = await done('key');
  expect(key.code).toBe(0);
  const ask = (authorization: string): Promise<Response> => fetch(`http://127.0.0.1:${env['RUNYARD_PORT']}/v1/status`, { headers: { authorization } });
  expect((await ask(`Bearer ${key.out.trim()}`)).status).toBe(200);
  expect((await ask('Bearer wrong')).status).toBe(401);
});

test('submit --follow --here shows tools and text of a run in the own repository', SLOW, async () => {
  const followed = await done('submit', '--follow', '--here', 'What is in this directory?');
  expect(followed.code).toBe(0);
  expect(followed.out).toContain(`in ${repository}`);
  expect(followed.out).toMatch(/● Bash ls/);
  expect(followed.out).toContain('hello.txt');
  expect(followed.out).toContain('not Claude');
  expect(followed.err).toMatch(/✔ succeeded · \d+:\d\d · 2 turns · \$/);
});

test('a run by its id: show, logs, the raw lines', SLOW, async () => {
  const submitted = await done('submit', '[[edit]]', '--name', 'the edit');
  expect(submitted.code).toBe(0);
  const id = submitted.out.trim();
  expect(await done('wait', id)).toMatchObject({ code: 0, out: `${id} succeeded\n` });
  const shown = JSON.parse((await done('show', id.slice(-8), '-o', 'json')).out) as Run;
  expect(shown).toMatchObject({ id, status: 'succeeded', name: 'the edit', trigger: 'cli', workspace: { type: 'scratch' } });
  expect((await done('ps', '-a')).out).toMatch(new RegExp(`${id} +succeeded .* the edit`));
  expect((await done('logs', id)).out).toMatch(/● Write runyard-demo\.md \(\+4\)[^]*● Read[^]*● Edit runyard-demo\.md \(\+1 −1\)[^]*● Bash cat/);
  const events = (await done('logs', id, '-o', 'ndjson')).out.trimEnd().split('\n').map((line) => JSON.parse(line) as RunEvent);
  expect(events.at(0)?.type).toBe('run.queued');
  expect(events.at(-1)?.type).toBe('run.finished');
  const raw = (await done('logs', id, '--raw')).out.trimEnd().split('\n').map((line) => JSON.parse(line) as { type: string });
  expect(raw.map((line) => line.type)).toEqual(expect.arrayContaining(['system', 'assistant', 'user', 'result']));
});

test('--wait prints the answer alone, and a failure says what to do', SLOW, async () => {
  const answered = await done('submit', '--wait', '[[text n=3]]');
  expect([answered.code, answered.out]).toEqual([0, 'word-1 word-2 word-3\n']);
  const failed = await done('submit', '--wait', '[[status status=400]]');
  expect([failed.code, failed.out]).toEqual([1, '']);
  expect(failed.err).toMatch(/✖ failed \(invalid_request\)[^]*\n {2}\S/);
});

test('cancel ends a run that is at work; whoever follows it is told', SLOW, async () => {
  const following = runyard(['submit', '--follow', '[[slow n=3000 delay=200]]']);
  const id = (await waitFor(() => /run_\w+/.exec(following.err()), { what: 'the id', timeoutMs: 60_000 }))[0];
  await waitFor(async () => (await done('show', id, '-o', 'json')).out.includes('"status": "running"'), { what: 'the run to be at work', timeoutMs: 60_000 });
  expect((await done('wait', id, '--timeout', '1')).code).toBe(124);
  expect((await done('ps', '-q')).out).toBe(`${id}\n`);
  const canceled = await done('cancel', id);
  expect([canceled.code, canceled.out]).toEqual([0, expect.stringMatching(/ cancel(ing|ed)\n$/)]);
  expect(await following.exited).toBe(1);
  expect(following.err()).toContain('■ canceled');
  expect((await done('wait', id)).code).toBe(1);
});

test('Ctrl-C while following detaches, and the API may be killed under a follower', { timeout: 180_000 }, async () => {
  const held = heldRun('go-on-without-followers');
  const following = runyard(['submit', '--follow', held.prompt, '--allow', 'Bash']);
  const id = (await waitFor(() => /run_\w+/.exec(following.err()), { what: 'the id', timeoutMs: 60_000 }))[0];
  await waitFor(() => following.out().includes(' in '), { what: 'the first line', timeoutMs: 60_000 });
  following.child.kill('SIGINT');
  expect(await following.exited).toBe(130);
  expect(following.err()).toContain('Detached; the run goes on.');

  const again = runyard(['logs', '-f', id]);
  await waitFor(() => again.out().includes(' in '), { what: 'the first line again', timeoutMs: 60_000 });
  const api = await processOf('api');
  process.kill(api, 'SIGKILL');
  await waitFor(() => again.err().includes('trying again, the run goes on'), { what: 'the follower to notice', timeoutMs: 60_000 });
  await held.end();
  expect(await again.exited).toBe(0);
  expect(again.out()).toContain('the tool answered: released');
  expect(stack.out()).toContain('api ended by itself (SIGKILL); starting it again in 2 s');
  await waitFor(async () => ![0, api].includes(await processOf('api')), { what: 'another API', timeoutMs: 60_000 });
});

test('Ctrl-C lets runs finish, then nothing is left; the next start knows them', { timeout: 240_000 }, async () => {
  const held = heldRun('may-finish');
  const id = (await done('submit', held.prompt, '--allow', 'Bash')).out.trim();
  await waitFor(async () => (await done('logs', id)).out.includes('● Bash'), { what: 'the run to be at work', timeoutMs: 60_000 });
  const pids = await descendants(stack.child.pid ?? 0);
  expect(pids.length).toBeGreaterThanOrEqual(5);
  stack.child.kill('SIGINT');
  stack.child.kill('SIGINT');
  await waitFor(() => stack.err().includes('runs that are at work may finish'), { what: 'the word to whoever pressed it', timeoutMs: 60_000 });
  await held.end();
  expect(await stack.exited).toBe(0);
  expect(stack.err()).not.toContain('Putting away what is left');
  await waitFor(async () => (await alive(pids)).length === 0, { what: 'every process to be gone', timeoutMs: 60_000 });
  expect(existsSync(join(env['RUNYARD_DATA_DIR'] ?? '', 'server.json'))).toBe(false);
  // At its own address: who listens at the default one is no business of this spec.
  expect(await runyard(['ps'], { RUNYARD_URL: `http://127.0.0.1:${env['RUNYARD_PORT']}` }).exited).toBe(5);

  stack = await startStack();
  expect((await done('show', id)).out).toMatch(/status +succeeded[^]*released/);
});

test('kill -9 of up leaves no process behind', { timeout: 240_000 }, async () => {
  const id = (await done('submit', '[[bash cmd="perl -e \'sleep 100\'"]]', '--allow', 'Bash')).out.trim();
  await waitFor(async () => (await done('logs', id)).out.includes('● Bash'), { what: 'the tool to run', timeoutMs: 60_000 });
  const pids = await descendants(stack.child.pid ?? 0);
  expect(pids.length).toBeGreaterThanOrEqual(7);
  stack.child.kill('SIGKILL');
  expect(await stack.exited).toBe('SIGKILL');
  await waitFor(async () => (await alive(pids)).length === 0, { what: 'every process to be gone', timeoutMs: 60_000 });
  expect(await done('ps')).toMatchObject({ code: 5, err: expect.stringContaining('The local stack that was there is gone.') });

  // The file of the dead one does not keep the next from starting.
  stack = await startStack();
});

test('a reader that goes away ends the command, without a word', SLOW, async () => {
  const reading = runyard(['ps', '-a', '-o', 'json']);
  reading.child.stdout?.destroy();
  expect(await reading.exited).toBe(0);
  expect(reading.err()).toBe('');
});

test('the stack outlives whoever reads its log', SLOW, async () => {
  stack.child.stdout?.destroy();
  stack.child.stderr?.destroy();
  expect(await done('submit', '--wait', '[[text n=1]]')).toMatchObject({ code: 0, out: 'word-1\n' });
  expect(stack.child.exitCode).toBeNull();
});

test('bin/runyard works through symbolic links, from anywhere', SLOW, async () => {
  const link = join(place.path, 'link');
  await symlink(join(dirname(MAIN), '../../../bin/runyard'), link);
  await symlink('link', join(place.path, 'link-of-link'));
  const out = await new Promise<string>((resolve, reject) => {
    execFile(join(place.path, 'link-of-link'), ['status', '-o', 'id'], { cwd: repository, env }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
  expect(out).toMatch(/^\S+\n$/);
});

async function processOf(app: string): Promise<number> {
  for (const { pid } of await descendants(stack.child.pid ?? 0)) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(`apps/${app}/dist/main.js`)) return pid;
  }
  return 0;
}
