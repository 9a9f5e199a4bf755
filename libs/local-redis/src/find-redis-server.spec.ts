// The server program comes from PATH if it is new enough, else from a cache that apt fills; concurrent first starts share one copy.
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findRedisServer } from './find-redis-server.js';
import { runCommand } from './run-command.js';

let directory = '';
let hasApt = false;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'runyard-find-'));
  hasApt = (await runCommand('apt-get', ['--version'], { timeoutMs: 20_000 })).code === 0;
});
afterAll(() => rm(directory, { recursive: true }));

async function program(name: string, prints: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, `#!/bin/sh\necho "${prints}"\n`);
  await chmod(path, 0o755);
  return path;
}

/** A package source with one package, `redis-server`, whose program prints a version. */
async function packageSource(name: string): Promise<Record<string, string>> {
  const source = join(directory, name);
  const tree = join(source, 'tree');
  await mkdir(join(tree, 'DEBIAN'), { recursive: true });
  await mkdir(join(tree, 'usr', 'bin'), { recursive: true });
  const control = 'Package: redis-server\nVersion: 99:7.0.15\nArchitecture: all\nMaintainer: Test <test@localhost>\nDescription: test\n';
  await writeFile(join(tree, 'DEBIAN', 'control'), control);
  await writeFile(join(tree, 'usr', 'bin', 'redis-server'), '#!/bin/sh\necho "Redis server v=7.0.15 sha=0"\n', { mode: 0o755 });
  const built = await runCommand('dpkg-deb', ['--root-owner-group', '-b', tree, join(source, 'redis-server.deb')], { timeoutMs: 60_000 });
  expect(built).toMatchObject({ code: 0 });
  const deb = await readFile(join(source, 'redis-server.deb'));
  const sha = createHash('sha256').update(deb).digest('hex');
  await writeFile(join(source, 'Packages'), `${control}Filename: ./redis-server.deb\nSize: ${deb.length}\nSHA256: ${sha}\n`);
  return sources(name, `deb [trusted=yes] copy:${source} ./\n`);
}

async function sources(name: string, lines: string): Promise<Record<string, string>> {
  const list = join(directory, `${name}.list`);
  await writeFile(list, lines);
  return { 'Dir::Etc::sourcelist': list, 'Dir::Etc::sourceparts': '/dev/null' };
}

test.each(['Redis server v=7.0.15 sha=0', 'Valkey server v=8.1.1 sha=0', 'Redis server v=6.2.0'])('PATH: takes "%s"', async (version) => {
  const path = await program('new-server', version);
  const found = await findRedisServer({ cacheDir: join(directory, 'unused'), programs: [join(directory, 'none'), path] });
  expect(found).toEqual({ path, libraryPath: '', kind: 'path' });
});

test('PATH: passes over a server that is too old, then says how to get one', async () => {
  const lines: string[] = [];
  const finding = findRedisServer({
    cacheDir: join(directory, 'empty-cache'),
    programs: [await program('old-server', 'Redis server v=6.0.16')],
    aptOptions: await sources('nothing', ''),
    log: (line) => lines.push(line),
  });
  await expect(finding).rejects.toMatchObject({
    code: 'no_server',
    message: expect.stringMatching(/^No Redis server found \(apt-get .+\)\. To get one: .+ Or set REDIS_URL/),
  });
  expect(lines[0]).toContain('is version 6.0; at least 6.2 is needed');
  expect(await readdir(join(directory, 'empty-cache'))).toEqual([]);
});

test('apt: concurrent first starts share one copy and leave nothing beside it', async () => {
  // Elsewhere than on Debian and its kin there is nothing to unpack; the error is covered above.
  if (!hasApt) return;
  const lines: string[] = [];
  const cacheDir = join(directory, 'cache');
  const options = { cacheDir, programs: [], aptOptions: await packageSource('source'), log: (line: string) => lines.push(line) };
  const found = await Promise.all([findRedisServer(options), findRedisServer(options), findRedisServer(options)]);
  const root = join(cacheDir, `redis-server-${process.platform}-${process.arch}`);
  for (const server of found) expect(server).toEqual({ path: join(root, 'usr/bin/redis-server'), libraryPath: '', kind: 'downloaded' });
  expect(lines).toEqual([`no Redis server on PATH: getting a private copy into ${root}`]);
  expect(await readdir(cacheDir)).toEqual([`redis-server-${process.platform}-${process.arch}`]);
});

test('apt: a copy that no longer runs is replaced', async () => {
  if (!hasApt) return;
  const cacheDir = join(directory, 'broken-cache');
  const broken = join(cacheDir, `redis-server-${process.platform}-${process.arch}`, 'usr', 'bin');
  await mkdir(broken, { recursive: true });
  await writeFile(join(broken, 'redis-server'), 'not a program', { mode: 0o755 });
  const found = await findRedisServer({ cacheDir, programs: [], aptOptions: await packageSource('again') });
  expect(found.kind).toBe('downloaded');
});
