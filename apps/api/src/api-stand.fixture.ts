// What specs of the API stand on: a Redis of their own, a directory, the API on a free port, and the store as a worker has it.
import { RunStore } from '@runyard/run-store';
import { createLogger } from '@runyard/telemetry';
import { httpCall, temporaryDirectory, testRedis } from '@runyard/testing';
import type { HttpAnswer, HttpCall, TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll } from 'vitest';
import { startApi } from './start-api.js';
import type { RunningApi, StartOptions } from './start-api.js';

export const KEY = 'key-for-specs-of-the-api';

export interface ApiStand {
  readonly redis: TestRedis;
  readonly dir: TemporaryDirectory;
  readonly api: RunningApi;
  readonly worker: RunStore;
  /** A call with the key. */
  call(path: string, options?: HttpCall): Promise<HttpAnswer>;
}

export interface ApiStandOptions {
  /** For startApi, beside what every spec needs. */
  readonly api?: Partial<StartOptions>;
  /** Before the API starts. */
  readonly prepare?: (redis: TestRedis) => Promise<unknown>;
}

/** For the file that calls this at its top: `take` gets it before the first test; after the last one nothing of it is left. */
export function onApiStand(take: (stand: ApiStand) => void, { api: options = {}, prepare }: ApiStandOptions = {}): void {
  let close: (() => Promise<void>) | undefined;
  // The first spec on a machine may have to download a Redis.
  beforeAll(async () => {
    const [redis, dir] = await Promise.all([testRedis(), temporaryDirectory()]);
    await prepare?.(redis);
    const settings = { host: '127.0.0.1', port: 0, dataDir: dir.path, redisUrl: redis.url, workspaceRoots: [], allowedHosts: [] };
    const api = await startApi({ settings, key: KEY, logger: createLogger({ name: 'api', level: 'silent' }), demo: true, runsAsRoot: false, ...options });
    const worker = RunStore.open({ redis: redis.connection, role: 'worker', dataDir: dir.path });
    close = async () => {
      await api.close();
      await worker.close();
      await redis.stop();
      await dir.remove();
    };
    const call = (path: string, more: HttpCall = {}): Promise<HttpAnswer> => httpCall(api.url, path, { ...more, headers: { authorization: `Bearer ${KEY}`, ...more.headers } });
    take({ redis, dir, api, worker, call });
  }, 300_000);
  afterAll(() => close?.());
}
