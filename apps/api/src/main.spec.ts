// The process: how it starts, why it does not, and how it ends.
import { once } from 'node:events';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Run } from '@runyard/domain';
import { httpCall, httpOpen, waitFor } from '@runyard/testing';
import { describe, expect, test } from 'vitest';
import { apiProcesses } from './api-processes.fixture.js';

const stand = apiProcesses();
const { start } = stand;

test('the first start makes a key that only its owner can read, and prints how to see it, never the key', async () => {
  const started = start({ RUNYARD_PROT: '80' });
  const url = await started.url();
  const path = `${stand.dataDir}/admin.key`;
  const key = (await readFile(path, 'utf8')).trim();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await stand.ready(started, key);
  expect((await httpCall(url, '/v1/runs', { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
  expect(started.stdout()).toContain(`show it with: cat '${path}'`);
  expect(started.stdout() + started.stderr()).not.toContain(key);
  // and a misspelt setting is told
  expect(started.stdout()).toContain('"setting":"RUNYARD_PROT"');
});

test('where the file is not at hand, it is shown by the command that people have', async () => {
  const started = start({ RUNYARD_DATA_DIR: `${stand.dir.path}/contained`, RUNYARD_COMMAND: 'docker compose exec api runyard' });
  await started.url();
  expect(started.stdout()).toContain('show it with: docker compose exec api runyard key"');
  expect(started.stdout()).not.toContain('admin.key');
});

describe('does not start', () => {
  /** One block on stderr that says what and how to mend it; no stack trace; nothing listens. */
  async function refused(settings: Record<string, string>, code: number): Promise<string> {
    const started = start(settings);
    expect(await started.exited).toEqual({ code, signal: null });
    expect(started.stderr()).toMatch(/^Cannot start: /);
    expect(started.stderr()).not.toMatch(/\n\s+at /);
    expect(started.stdout()).not.toContain('listening');
    return started.stderr();
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
    await writeFile(`${stand.dir.path}/a-file`, '');
    expect(await refused({ RUNYARD_DATA_DIR: `${stand.dir.path}/a-file/data` }, 78)).toMatch(/RUNYARD_DATA_DIR .*a-file\/data cannot be written \(ENOTDIR\)\. Choose another/);
    expect(await refused({ RUNYARD_DATA_DIR: '/proc/runyard', RUNYARD_API_KEY: 'given-key-of-sixteen' }, 78)).toMatch(/RUNYARD_DATA_DIR \/proc\/runyard cannot be written/);
  });

  test('with a key file that holds no key', async () => {
    await mkdir(`${stand.dir.path}/broken`);
    await writeFile(`${stand.dir.path}/broken/admin.key`, 'short\n');
    expect(await refused({ RUNYARD_DATA_DIR: `${stand.dir.path}/broken` }, 78)).toMatch(/admin\.key holds no usable key\. Remove it/);
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
    const started = start({ RUNYARD_API_KEY: KEY });
    const url = await stand.ready(started, KEY);
    const { id } = (await httpCall(url, '/v1/runs', { headers, body: { prompt: 'x' } })).json as Run;
    const stream = await httpOpen(url, `/v1/runs/${id}/events`, { headers: { ...headers, accept: 'text/event-stream' } });
    let text = '';
    const reading = (async () => {
      for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    })();
    await waitFor(() => text.includes('run.queued'), { what: 'the first event' });
    started.kill(signal);
    await reading;
    expect(text.endsWith('retry: 1000\n\n')).toBe(true);
    expect(await started.exited).toEqual({ code: 0, signal: null });
    expect(started.stdout()).toContain('API stopped');
    expect(started.stderr()).toBe('');
  });

  test('when its parent is gone, if it was told to; by a signal also while the parent lives', async () => {
    const settings = { RUNYARD_API_KEY: KEY, RUNYARD_PARENT_PIPE: '1' };
    const [left, told] = [start(settings), start(settings)];
    await Promise.all([left.url(), told.url()]);
    left.closeParentPipe();
    told.kill('SIGTERM');
    expect(await Promise.all([left.exited, told.exited])).toEqual([{ code: 0, signal: null }, { code: 0, signal: null }]);
  });

  test('but a closed standard input alone means nothing, and the key of the settings makes no file', async () => {
    const dataDir = `${stand.dir.path}/given`;
    const started = start({ RUNYARD_API_KEY: KEY, RUNYARD_DATA_DIR: dataDir });
    const url = await stand.ready(started, KEY);
    started.closeParentPipe();
    for (let i = 0; i < 3; i++) expect((await httpCall(url, '/v1/runs', { headers })).status).toBe(200);
    expect(started.hasExited()).toBe(false);
    await expect(access(`${dataDir}/admin.key`)).rejects.toThrow('ENOENT');
  });
});
