// Finds a Redis server program: on PATH, in the cache, or as a new private copy in the cache.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalRedisError } from './local-redis-error.js';
import { runCommand } from './run-command.js';
import { withLock } from './start-lock.js';
import { libraryPath, serverPath, unpackRedisServer } from './unpack-redis-server.js';

/** A server program that answered `--version`. `libraryPath` goes into LD_LIBRARY_PATH; '' means none is needed. */
export interface RedisServer {
  readonly path: string;
  readonly libraryPath: string;
  readonly kind: 'path' | 'downloaded';
}

export interface FindRedisServerOptions {
  /** Absolute directory in which a private copy is kept; made when needed. */
  readonly cacheDir: string;
  readonly log?: (line: string) => void;
  /** Programs looked up on PATH, in this order. */
  readonly programs?: readonly string[];
  /** Further settings for apt, such as other package sources: `{ 'Dir::Etc::sourcelist': '/path' }`. */
  readonly aptOptions?: Readonly<Record<string, string>>;
}

// BullMQ recommends 6.2; older servers lack commands that our scripts use.
const OLDEST_VERSION = [6, 2] as const;

/** `redis-server` or `valkey-server` from PATH, else a private copy made with apt. Throws LocalRedisError `no_server`. */
export async function findRedisServer(options: FindRedisServerOptions): Promise<RedisServer> {
  const log = options.log ?? (() => {});
  for (const program of options.programs ?? ['redis-server', 'valkey-server']) {
    const found = await onPath(program, log);
    if (found !== null) return found;
  }
  const root = join(options.cacheDir, `redis-server-${process.platform}-${process.arch}`);
  const cached = await inCache(root);
  if (cached !== null) return cached;
  await mkdir(options.cacheDir, { recursive: true, mode: 0o700 });
  return withLock(`${root}.lock`, async () => (await inCache(root)) ?? makeCopy(root, options.aptOptions ?? {}, log));
}

async function makeCopy(root: string, aptOptions: Readonly<Record<string, string>>, log: (line: string) => void): Promise<RedisServer> {
  log(`no Redis server on PATH: getting a private copy into ${root}`);
  const result = await unpackRedisServer(root, aptOptions);
  if ('problem' in result) throw noServer(result.problem);
  const server = await inCache(root);
  if (server === null) throw noServer(`the copy in ${root} does not run`);
  return server;
}

async function onPath(program: string, log: (line: string) => void): Promise<RedisServer | null> {
  const version = await versionOf(program, '');
  if (version === null) return null;
  if (isTooOld(version)) {
    log(`${program} on PATH is version ${version.join('.')}; at least ${OLDEST_VERSION.join('.')} is needed`);
    return null;
  }
  return { path: program, libraryPath: '', kind: 'path' };
}

async function inCache(root: string): Promise<RedisServer | null> {
  const path = serverPath(root);
  const libraries = await libraryPath(root);
  const version = await versionOf(path, libraries);
  return version === null || isTooOld(version) ? null : { path, libraryPath: libraries, kind: 'downloaded' };
}

async function versionOf(program: string, libraries: string): Promise<readonly [number, number] | null> {
  const env = libraries === '' ? {} : { env: { LD_LIBRARY_PATH: libraries } };
  const result = await runCommand(program, ['--version'], { timeoutMs: 10_000, ...env });
  const match = result.code === 0 ? /\bv=(\d+)\.(\d+)/.exec(result.output) : null;
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

function isTooOld([major, minor]: readonly [number, number]): boolean {
  return major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1]);
}

const installHints: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'brew install redis',
  win32: 'use WSL, then: sudo apt-get install redis-server',
  linux: 'install it with your package manager (sudo apt-get install redis-server, sudo dnf install valkey, sudo apk add redis)',
};

function noServer(problem: string): LocalRedisError {
  const hint = installHints[process.platform] ?? 'install redis-server 6.2 or newer';
  return new LocalRedisError('no_server', `No Redis server found (${problem}). To get one: ${hint}. Or set REDIS_URL to a running one.`);
}
