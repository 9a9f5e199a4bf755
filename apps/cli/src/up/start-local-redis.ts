// The private Redis of the local stack, as a part that can be supervised.
import { join } from 'node:path';
import { findRedisServer, startRedis } from '@runyard/local-redis';
import type { Logger } from '@runyard/telemetry';
import type { Running } from './supervised.js';

/** Starts it on `<data dir>/redis`; a private copy of the program is kept in `<data dir>/redis-server`. @throws LocalRedisError */
export async function startLocalRedis(dataDir: string, log: Logger): Promise<Running & { readonly url: string }> {
  const cacheDir = join(dataDir, 'redis-server');
  await findRedisServer({ cacheDir, log: (line) => log.info(line) });
  const redis = await startRedis({ dir: join(dataDir, 'redis'), cacheDir, log: (line) => log.debug(line) });
  return {
    url: redis.url,
    exited: redis.exited.then(({ code }) => ({ how: `exit code ${code}`, final: false })),
    end: (how) => void (how === 'gently' ? redis.stop() : redis.kill()),
  };
}
