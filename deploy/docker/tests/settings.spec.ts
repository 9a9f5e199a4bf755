// What .env may say, and what is said when it is wrong.
import { chown, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ApiProblem } from '@runyard/api-client';
import { httpCall, temporaryDirectory, waitFor } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectGapless, FollowedRun } from './followed-run.js';
import { COMPOSE_FILE, NOTHING_DENIED, Stack } from './stack.js';

let stack: Stack;
/** Refused by the model while its key was wrong. */
let refused: FollowedRun;
let repositories: TemporaryDirectory;
beforeAll(async () => {
  stack = await Stack.prepare('settings');
  repositories = await temporaryDirectory();
});
afterAll(async () => {
  await stack?.close();
  await repositories?.remove();
});

// Another one than the images', where we may choose; else our own, to whom the directory belongs.
const uid = process.getuid?.() === 0 ? 12_345 : (process.getuid?.() ?? 1000);
const WRONG_KEY = 'sk-ant-api03-this-key-is-wrong';

test('.env.example names every setting of the compose file with its default, and no other', async () => {
  const root = dirname(COMPOSE_FILE);
  const compose = await readFile(COMPOSE_FILE, 'utf8');
  const example = new Map([...(await readFile(join(root, '.env.example'), 'utf8')).matchAll(/^#(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  const used = [...compose.matchAll(/\$\{(\w+)(?::-([^}]*))?|^ +([A-Z_]+):$/gm)].map(([, name, fallback, bare]) => [name ?? bare, fallback] as const);
  expect(new Set(example.keys())).toEqual(new Set(used.map(([name]) => name)));
  const defaults = used.filter(([name, fallback]) => fallback !== undefined && name !== 'RUNYARD_REPOSITORIES');
  expect(defaults.filter(([name, fallback]) => example.get(name) !== fallback)).toEqual([]);
  expect(defaults.length).toBeGreaterThan(10);
});

test('an API key that can be guessed stops the start and says how to mend it', async () => {
  stack.settings = { RUNYARD_API_KEY: 'short' };
  const up = await stack.tryCompose(['up', '-d', '--wait', '--no-build']);
  expect(up.code).not.toBe(0);
  const log = await stack.logs('api');
  expect(log).toContain('Cannot start: one setting is wrong.');
  expect(log).toMatch(/RUNYARD_API_KEY must be 16 to 512 visible ASCII characters/);
  expect(log).not.toContain('the API key is shown by');
});

test('own key, own user, own repositories: each does what it says', async () => {
  await mkdir(join(repositories.path, 'app'));
  if (process.getuid?.() === 0) await Promise.all([repositories.path, join(repositories.path, 'app')].map((path) => chown(path, uid, uid)));
  stack.settings = {
    RUNYARD_API_KEY: 'a-key-of-my-own-choice',
    RUNYARD_UID: String(uid),
    RUNYARD_GID: String(uid),
    RUNYARD_REPOSITORIES: repositories.path,
    ANTHROPIC_API_KEY: WRONG_KEY,
    // Stands in for the real one, which would be asked otherwise.
    ANTHROPIC_BASE_URL: 'http://demo-model:8090',
    RUNYARD_CLAUDE_MAX_RETRIES: '0',
  };
  await stack.up();
  const client = await stack.client();
  expect(await stack.compose('exec', '-T', 'api', 'runyard', 'key')).toContain('a-key-of-my-own-choice');
  expect(await client.status()).toMatchObject({ demo: false });
  expect(await stack.logs('worker')).not.toContain('DEMO');
  const environments = await Promise.all((await stack.containers('api')).map(async ({ Config }) => [Config.Env, await stack.shell('api', `tr '\\0' '\\n' </proc/1/environ`)]));
  expect(JSON.stringify(environments)).not.toContain(WRONG_KEY);

  const workspace = { type: 'directory', path: '/workspaces/app' } as const;
  expect(await (await FollowedRun.start(client, { prompt: '[[write path=made.txt kb=1]]', workspace })).over()).toMatchObject({ status: 'succeeded' });
  const made = join(repositories.path, 'app', 'made.txt');
  expect((await stat(made)).uid).toBe(uid);
  expect(await readFile(made, 'utf8')).toHaveLength(1024);
  const outside = client.createRun({ prompt: 'hello', workspace: { type: 'directory', path: '/etc' } });
  await expect(outside).rejects.toThrow(ApiProblem);
  await expect(outside).rejects.toMatchObject({ status: 422 });
});

test('a wrong key of the model: the run waits, others do not even try, and the status says why', async () => {
  const client = await stack.client();
  refused = await FollowedRun.start(client, { prompt: '[[status status=401 fail=1]] [[text n=3]]' });
  await refused.until('the wait', ({ type, data }) => type === 'run.waiting' && (data as { waiting_for: string }).waiting_for === 'auth');
  expect(await client.run(refused.id)).toMatchObject({ status: 'waiting', held: false, attempt: 1, failure: null });
  const other = await client.createRun({ prompt: 'hello' });
  await waitFor(async () => (await client.run(other.id)).waiting_for === 'auth', { what: 'another run of the same key to wait' });
  expect((await client.run(other.id)).attempt).toBe(0);
  expect(JSON.stringify(await client.status())).toContain('"auth"');
  await client.cancel(other.id);
});

test('the key is mended, and another user than before gets the data directory: what waited goes on', async () => {
  const before = stack.settings;
  stack.settings = { ...before, ANTHROPIC_API_KEY: 'sk-ant-api03-this-key-is-right', RUNYARD_UID: '2345', RUNYARD_GID: '2345' };
  await stack.up();
  expect(await refused.over()).toMatchObject({ status: 'succeeded', attempt: 2 });
  expectGapless(refused);
  expect(await stack.shell('worker', 'find /var/lib/runyard -mindepth 1 | head -1')).not.toBe('');
  // Files come and go meanwhile; those that are gone have no wrong user.
  expect(await stack.shell('worker', 'find /var/lib/runyard -ignore_readdir_race ! -user 2345')).toBe('');
  expect(await (await FollowedRun.start(await stack.client(), { prompt: 'hello' })).over()).toMatchObject({ status: 'succeeded' });
  expect(await stack.deniedByRedis()).toEqual(NOTHING_DENIED);
  stack.settings = before;
});

test('nobody waits for the provider where that is switched off; a Redis that is nearly full takes no new runs, and those that are there end', async () => {
  const before = stack.settings;
  stack.settings = { ...before, RUNYARD_UPSTREAM_WAIT_SECONDS: '0', RUNYARD_REDIS_MAXMEMORY: '64mb' };
  await stack.up();
  const client = await stack.client({ patienceMs: 0 });
  const failed = await (await FollowedRun.start(client, { prompt: '[[status status=401]]' })).over();
  expect(failed).toMatchObject({ status: 'failed', failure: { code: 'authentication_failed' }, attempt: 1 });

  const running = await FollowedRun.start(client, { prompt: '[[slow n=20 delay=500]]' });
  await running.untilTalking();
  // Strings take a little more room than they have characters.
  const used = Number(/^used_memory:(\d+)/m.exec((await stack.asRedisUser('api', 'INFO memory')).join('\n'))?.[1]);
  await stack.asRedisUser('worker', `SETRANGE runyard:test-fill ${Math.floor(64 * 1024 * 1024 * 0.96) - used} x`);
  const refusal = () => client.createRun({ prompt: 'hello' }).then(() => undefined, (error: unknown) => error);
  await waitFor(async () => (await refusal()) !== undefined, { what: 'new runs to be refused', timeoutMs: 30_000 });
  expect(await refusal()).toMatchObject({ status: 503, code: 'redis_full' });
  expect((await running.over()).status).toBe('succeeded');
  expectGapless(running);
  await stack.asRedisUser('worker', 'DEL runyard:test-fill');
  const next = await waitFor(() => client.createRun({ prompt: 'hello' }).catch(() => undefined), { what: 'new runs to be taken again', timeoutMs: 30_000 });
  expect(await client.run(next.id, { wait: 60 })).toMatchObject({ status: 'succeeded' });
  stack.settings = before;
});

test('a Redis that may forget runs: nothing starts to take any, and everybody says why', async () => {
  const config = JSON.parse(await stack.compose('config', '--format', 'json')) as { services: { redis: { command: string[] } } };
  const command = config.services.redis.command.map((line) => line.replace('noeviction', 'allkeys-lru'));
  expect(command.join()).toContain('allkeys-lru');
  await stack.override({ services: { redis: { command } } });
  await stack.compose('up', '-d', '--no-build');
  const fix = /Redis has maxmemory-policy allkeys-lru: .* Fix: redis-cli CONFIG SET maxmemory-policy noeviction/;
  for (const service of ['worker', 'api']) {
    await waitFor(async () => fix.test(await stack.logs(service)), { what: `${service} to say what is wrong`, timeoutMs: 60_000 });
  }
  expect((await httpCall(stack.url, '/readyz')).status).toBe(503);
  const client = await stack.client({ patienceMs: 0 });
  await expect(client.createRun({ prompt: 'hello' })).rejects.toThrow(/maxmemory-policy/);
  expect((await stack.container('worker')).State.Health?.Status).not.toBe('healthy');
});
