// A private Redis for one spec file, on its own socket and files. Never the one of REDIS_URL.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hostEnvironment } from '@runyard/config';
import { startRedis } from '@runyard/local-redis';
import type { LocalRedis } from '@runyard/local-redis';
import { Redis } from 'ioredis';
import { temporaryDirectory } from './temporary-directory.js';

export interface TestRedis {
  /** ioredis options; the same after restart(). */
  readonly connection: { readonly path: string };
  readonly url: string;
  /** Empties every database. */
  flush(): Promise<void>;
  /** Ends the server and removes its files. Call it in afterAll. */
  stop(): Promise<void>;
  /** SIGKILL: connections break, the files stay. */
  kill(): Promise<void>;
  /** Starts the server again on the same files and socket, after kill() or by stopping it first. */
  restart(): Promise<void>;
  /** Process id of the server that runs now, for SIGSTOP and SIGCONT. */
  pid(): number;
}

/** Where the server program is kept when there is none on PATH: per user, so that each checkout does not download its own. */
export function redisCacheDirectory(): string {
  return join(hostEnvironment()['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'runyard');
}

/** Starts a server. The first call on a machine without Redis downloads one: allow minutes in beforeAll. */
export async function testRedis(): Promise<TestRedis> {
  const directory = await temporaryDirectory();
  const start = (): Promise<LocalRedis> => startRedis({ dir: join(directory.path, 'redis'), cacheDir: redisCacheDirectory() });
  let server = await start();
  return {
    connection: server.connection,
    url: server.url,
    flush: () => flush(server.connection),
    stop: async () => {
      await server.stop();
      await directory.remove();
    },
    kill: () => server.kill(),
    restart: async () => {
      await server.stop();
      server = await start();
    },
    pid: () => server.pid,
  };
}

async function flush(connection: { readonly path: string }): Promise<void> {
  const redis = new Redis(connection);
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}
