// A real API process, and the command that talks to it.
import { apiIsReady, startApiProcess, temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll } from 'vitest';
import { startCommand } from './command.fixture.js';
import type { Done } from './command.fixture.js';

const KEY = 'key-for-specs-of-the-command';

export interface RealApi {
  readonly redis: TestRedis;
  readonly dir: TemporaryDirectory;
  /** One command, as `runyard <argv>` would do it. */
  runyard(...argv: string[]): Promise<Done>;
  /** The same with this on its standard input. */
  withInput(input: string, ...argv: string[]): Promise<Done>;
  /** What a command prints with `-o json`. */
  json<T>(...argv: string[]): Promise<T>;
}

/** Starts the API, from its dist, for the file that calls this at its top: `take` gets it before the first test. */
export function onRealApi(take: (api: RealApi) => void): void {
  const cleanUp: (() => Promise<unknown>)[] = [];
  // The first spec on a machine may have to download a Redis.
  beforeAll(async () => {
    const dir = await temporaryDirectory();
    cleanUp.push(() => dir.remove());
    const redis = await testRedis();
    cleanUp.push(() => redis.stop());
    const api = startApiProcess({ cwd: dir.path, env: { REDIS_URL: redis.url, RUNYARD_DATA_DIR: `${dir.path}/data`, RUNYARD_API_KEY: KEY } });
    cleanUp.push(() => api.end());
    const url = await api.url();
    await apiIsReady(url, KEY);
    const withInput = (stdin: string, ...argv: string[]): Promise<Done> => startCommand(argv, { env: { RUNYARD_URL: url, RUNYARD_API_KEY: KEY }, stdin }).done;
    const runyard = (...argv: string[]): Promise<Done> => withInput('', ...argv);
    const json = async <T>(...argv: string[]): Promise<T> => JSON.parse((await runyard(...argv, '-o', 'json')).out) as T;
    take({ redis, dir, runyard, withInput, json });
  }, 300_000);
  afterAll(async () => {
    for (const clean of cleanUp.toReversed()) await clean();
  });
}
