// The process: how it starts, why it does not, and how it ends.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Run } from '@runyard/domain';
import { httpCall, httpOpen, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 90_000 }); // processes take their time on a busy machine

const MAIN = new URL('../dist/main.js', import.meta.url).pathname;
let redis: TestRedis;
let dir: TemporaryDirectory;
const children: ChildProcess[] = [];

beforeAll(async () => {
  [redis, dir] = await Promise.all([testRedis(), temporaryDirectory()]);
  await access(MAIN).catch(() => {
    throw new Error('apps/api is not built: run npm run build');
  });
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
});
afterAll(async () => {
  await redis?.stop();
  await dir?.remove();
});

interface Started {
  readonly child: ChildProcess;
  out: string;
  err: string;
  readonly exit: Promise<number | NodeJS.Signals | null>;
}

/** Starts the API with these settings and nothing else of this environment. */
function run(settings: Record<string, string>): Started {
  const child = spawn(process.execPath, [MAIN], {
    cwd: dir.path,
    env: { REDIS_URL: redis.url, RUNYARD_PORT: '0', RUNYARD_DATA_DIR: `${dir.path}/data`, ...settings },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  const exit = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null);
  const started: Started = { child, out: '', err: '', exit };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (started.out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (started.err += text));
  return started;
}

const urlOf = (started: Started): Promise<string> =>
  waitFor(() => /"url":"(http:[^"]+)"/.exec(started.out)?.[1] ?? (started.child.exitCode === null ? '' : fail(started)), { what: 'the API to listen', timeoutMs: 60_000 });

function fail(started: Started): never {
  throw new Error(`the API ended: ${started.out}${started.err}`);
}

test('the first start makes a key that only its owner can read, and prints how to see it, never the key', async () => {
  const started = run({ RUNYARD_PROT: '80' });
  const url = await urlOf(started);
  const path = `${dir.path}/data/admin.key`;
  const key = (await readFile(path, 'utf8')).trim();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await httpCall(url, '/v1/runs', { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
  expect(started.out).toContain(`show it with: cat '${path}'`);
  expect(started.out + started.err).not.toContain(key);
  // and a misspelt setting is told
  expect(started.out).toContain('"setting":"RUNYARD_PROT"');
});

test('where the file is not at hand, it is shown by the command that people have', async () => {
  const started = run({ RUNYARD_DATA_DIR: `${dir.path}/contained`, RUNYARD_COMMAND: 'docker compose exec api runyard' });
  await urlOf(started);
  expect(started.out).toContain('show it with: docker compose exec api runyard key"');
  expect(started.out).not.toContain('admin.key');
});

describe('does not start', () => {
  /** One block on stderr that says what and how to mend it; no stack trace; nothing listens. */
  async function refused(settings: Record<string, string>, code: number): Promise<string> {
    const started = run(settings);
    expect(await started.exit).toBe(code);
    expect(started.err).toMatch(/^Cannot start: /);
    expect(started.err).not.toMatch(/\n\s+at /);
    expect(started.out).not.toContain('listening');
    return started.err;
  }

  test('on a port that is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await refused({ RUNYARD_PORT: String(port) }, 1)).toBe(
      `Cannot start: port ${port} on 127.0.0.1 is in use. Stop what listens there, or set RUNYARD_PORT to another port (0 takes any free one).\n`,
    );
    server.close();
  });

  test('on an address of another machine', async () => {
    expect(await refused({ RUNYARD_HOST: '192.0.2.1' }, 1)).toMatch(/^Cannot start: 192\.0\.2\.1 cannot be listened on .*RUNYARD_HOST/);
  });

  test('with a data directory that cannot be written', async () => {
    await writeFile(`${dir.path}/a-file`, '');
    expect(await refused({ RUNYARD_DATA_DIR: `${dir.path}/a-file/data` }, 78)).toMatch(/RUNYARD_DATA_DIR .*a-file\/data cannot be written \(ENOTDIR\)\. Choose another/);
    expect(await refused({ RUNYARD_DATA_DIR: '/proc/runyard', RUNYARD_API_KEY: 'given-key-of-sixteen' }, 78)).toMatch(/RUNYARD_DATA_DIR \/proc\/runyard cannot be written/);
  });

  test('with a key file that holds no key', async () => {
    await mkdir(`${dir.path}/broken`);
    await writeFile(`${dir.path}/broken/admin.key`, 'short\n');
    expect(await refused({ RUNYARD_DATA_DIR: `${dir.path}/broken` }, 78)).toMatch(/admin\.key holds no usable key\. Remove it/);
  });

  test('with settings that are wrong, all of which it names', async () => {
    const text = await refused({ RUNYARD_PORT: '99999', RUNYARD_API_KEY: 'short', REDIS_URL: 'nonsense' }, 78);
    for (const name of ['RUNYARD_PORT', 'RUNYARD_API_KEY', 'REDIS_URL']) expect(text).toContain(name);
    expect(text).not.toContain('short');
  });
});

describe('stops', () => {
  const KEY = 'key-for-the-main-spec';
  const headers = { authorization: `Bearer ${KEY}` };

  test.each<NodeJS.Signals>(['SIGTERM', 'SIGINT'])('by %s, with streams open, and with code 0', async (signal) => {
    const started = run({ RUNYARD_API_KEY: KEY });
    const url = await urlOf(started);
    const { id } = (await httpCall(url, '/v1/runs', { headers, body: { prompt: 'x' } })).json as Run;
    const stream = await httpOpen(url, `/v1/runs/${id}/events`, { headers: { ...headers, accept: 'text/event-stream' } });
    let text = '';
    const reading = (async () => {
      for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    })();
    await waitFor(() => text.includes('run.queued'), { what: 'the first event' });
    started.child.kill(signal);
    await reading;
    expect(text.endsWith('retry: 1000\n\n')).toBe(true);
    expect(await started.exit).toBe(0);
    expect(started.out).toContain('API stopped');
    expect(started.err).toBe('');
  });

  test('when its parent is gone, if it was told to; by a signal also while the parent lives', async () => {
    const settings = { RUNYARD_API_KEY: KEY, RUNYARD_PARENT_PIPE: '1' };
    const [left, told] = [run(settings), run(settings)];
    await Promise.all([urlOf(left), urlOf(told)]);
    left.child.stdin?.end();
    told.child.kill('SIGTERM');
    expect(await Promise.all([left.exit, told.exit])).toEqual([0, 0]);
  });

  test('but a closed standard input alone means nothing, and the key of the settings makes no file', async () => {
    const dataDir = `${dir.path}/given`;
    const started = run({ RUNYARD_API_KEY: KEY, RUNYARD_DATA_DIR: dataDir });
    const url = await urlOf(started);
    started.child.stdin?.end();
    for (let i = 0; i < 3; i++) expect((await httpCall(url, '/v1/runs', { headers })).status).toBe(200);
    expect(started.child.exitCode).toBeNull();
    await expect(access(`${dataDir}/admin.key`)).rejects.toThrow('ENOENT');
  });
});
