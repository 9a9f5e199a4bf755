// Starts a private Redis server on a Unix socket, behind a guard that ends it when this process is gone.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { findRedisServer } from './find-redis-server.js';
import type { RedisServer } from './find-redis-server.js';
import { spawnGuard } from './guarded-server.js';
import type { GuardedServer, RedisExit } from './guarded-server.js';
import { LocalRedisError } from './local-redis-error.js';
import { probeRedis } from './probe-redis.js';
import { isAlive, sendSignal } from './processes.js';
import { makePrivateDirectory, socketPathFor } from './socket-path.js';
import { withLock } from './start-lock.js';

export interface StartRedisOptions {
  /** Absolute directory of the data and the socket, mode 0700; made when needed. */
  readonly dir: string;
  /** Absolute directory in which a private copy of the server program is kept. */
  readonly cacheDir: string;
  /** Gets each line that the server logs. */
  readonly log?: (line: string) => void;
  /** See FindRedisServerOptions. */
  readonly aptOptions?: Readonly<Record<string, string>>;
  /** Whether data survives a restart: an append-only file, synced at every write. Default true. */
  readonly appendOnly?: boolean;
}

/** A running private server. */
export interface LocalRedis {
  /** `unix://<socket path>`, for REDIS_URL. */
  readonly url: string;
  /** The same as ioredis options. */
  readonly connection: { readonly path: string };
  readonly socketPath: string;
  readonly pid: number;
  /** Resolves when the server has ended, whoever ended it. Never rejects. */
  readonly exited: Promise<RedisExit>;
  /** SIGTERM, SIGKILL after 10 s; resolves when the server has ended. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the server has ended. */
  kill(): Promise<void>;
}

// A large append-only file is read before the first answer.
const READY_TIMEOUT_MS = 120_000;

/** Finds a server program and starts it on `dir`. Throws LocalRedisError: no_server, already_running, did_not_start, bad_directory. */
export async function startRedis(options: StartRedisOptions): Promise<LocalRedis> {
  const server = await findRedisServer(options);
  await makePrivateDirectory(options.dir);
  const socketPath = await socketPathFor(options.dir);
  // Two servers on one append-only file would destroy it; the socket tells only once a server listens.
  return withLock(join(options.dir, 'start.lock'), async () => {
    await refuseIfRunning(options.dir, socketPath);
    await rm(socketPath, { force: true });
    return start(server, socketPath, options);
  });
}

async function start(server: RedisServer, socketPath: string, options: StartRedisOptions): Promise<LocalRedis> {
  const guarded = spawnGuard(server, serverArguments(options, socketPath), options.log ?? (() => {}));
  const pid = await untilReady(guarded, socketPath);
  const exited = endServerWithGuard(guarded, pid);
  return {
    url: `unix://${pathToFileURL(socketPath).pathname}`,
    connection: { path: socketPath },
    socketPath,
    pid,
    exited,
    stop: async () => {
      guarded.closeInput();
      await exited;
    },
    kill: async () => {
      if (!guarded.hasExited()) sendSignal(pid, 'SIGKILL');
      await exited;
    },
  };
}

function serverArguments(options: StartRedisOptions, socketPath: string): string[] {
  const settings: Readonly<Record<string, string>> = {
    port: '0',
    unixsocket: socketPath,
    unixsocketperm: '600',
    dir: options.dir,
    appendonly: options.appendOnly === false ? 'no' : 'yes',
    appendfsync: 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

async function refuseIfRunning(dir: string, socketPath: string): Promise<void> {
  const found = await probeRedis(socketPath);
  if (found.state === 'absent') return;
  const who = found.state === 'ready' ? ` (pid ${found.pid})` : '';
  throw new LocalRedisError('already_running', `A Redis server is already running on ${dir}${who}. Stop it first, or use another data directory.`);
}

async function untilReady(guarded: GuardedServer, socketPath: string): Promise<number> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!guarded.hasExited() && performance.now() < deadline) {
    const found = await probeRedis(socketPath);
    if (found.state === 'ready') return found.pid;
    await sleep(5);
  }
  guarded.closeInput();
  const exit = await guarded.exited;
  throw new LocalRedisError('did_not_start', `The Redis server did not start (exit code ${exit.code}):\n${exit.lastLines.join('\n')}`);
}

// A guard that was killed itself leaves the server behind: end it, so that no second one meets it on the same files.
async function endServerWithGuard(guarded: GuardedServer, pid: number): Promise<RedisExit> {
  const exit = await guarded.exited;
  if (exit.guardSignal === null) return exit;
  for (let waits = 0; isAlive(pid); waits += 1) {
    sendSignal(pid, waits < 200 ? 'SIGTERM' : 'SIGKILL');
    await sleep(50);
  }
  return exit;
}
