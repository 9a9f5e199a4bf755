// A private copy of Debian's Redis packages: downloaded by apt with its own directories, unpacked, never installed. Needs no root.
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { runCommand } from './run-command.js';

const APT_TIMEOUT_MS = 300_000;

type AptOptions = Readonly<Record<string, string>>;

/** Where a copy is, or why there is none. */
export type UnpackResult = { readonly root: string } | { readonly problem: string };

/** Downloads `redis-server` and what it needs beyond the installed packages, and puts the unpacked tree at `root` in one rename. */
export async function unpackRedisServer(root: string, aptOptions: AptOptions): Promise<UnpackResult> {
  await mkdir(dirname(root), { recursive: true, mode: 0o700 });
  const work = await mkdtemp(`${root}.new-`);
  try {
    const problem = (await download(work, aptOptions)) ?? (await unpack(work));
    if (problem !== null) return { problem };
    await rm(root, { recursive: true, force: true });
    await rename(join(work, 'root'), root);
    return { root };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(work: string, aptOptions: AptOptions): Promise<string | null> {
  const lists = join(work, 'state', 'lists');
  const archives = join(work, 'cache', 'archives');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(archives, 'partial'), { recursive: true });
  const own = {
    'Dir::State': join(work, 'state'),
    'Dir::State::lists': lists,
    'Dir::Cache': join(work, 'cache'),
    'Dir::Cache::archives': archives,
    // The system's own package lock and download user are neither needed nor allowed for an ordinary user.
    'Debug::NoLocking': '1',
    'APT::Sandbox::User': userInfo().username,
    ...aptOptions,
  };
  const options = ['-q', ...Object.entries(own).flatMap(([key, value]) => ['-o', `${key}=${value}`])];
  const steps = [['update'], ['-y', '--no-install-recommends', '--download-only', 'install', 'redis-server']];
  for (const step of steps) {
    const result = await runCommand('apt-get', [...options, ...step], { timeoutMs: APT_TIMEOUT_MS });
    if (result.code !== 0) return `apt-get ${step.at(-1)} failed: ${lastLine(result.output)}`;
  }
  return null;
}

async function unpack(work: string): Promise<string | null> {
  const archives = join(work, 'cache', 'archives');
  const packages = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  for (const name of packages) {
    const result = await runCommand('dpkg-deb', ['-x', join(archives, name), join(work, 'root')], { timeoutMs: APT_TIMEOUT_MS });
    if (result.code !== 0) return `dpkg-deb failed on ${name}: ${lastLine(result.output)}`;
  }
  try {
    await access(serverPath(join(work, 'root')));
    return null;
  } catch {
    return 'the downloaded packages hold no redis-server';
  }
}

/** The server program in an unpacked tree. */
export function serverPath(root: string): string {
  return join(root, 'usr', 'bin', 'redis-server');
}

/** LD_LIBRARY_PATH for an unpacked tree: its directories that hold shared libraries. */
export async function libraryPath(root: string): Promise<string> {
  const directories = new Set<string>();
  for (const top of ['usr/lib', 'lib']) {
    const entries = await readdir(join(root, top), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.name.includes('.so')) directories.add(entry.parentPath);
  }
  return [...directories].join(':');
}

function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => line.startsWith('E:')) ?? lines.at(-1) ?? 'it printed nothing';
}
