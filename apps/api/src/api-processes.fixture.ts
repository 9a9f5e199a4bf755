// What specs of API processes stand on: a Redis of their own, a directory, the store as a worker has it, and as many processes as a test starts.
import { RunStore } from '@runyard/run-store';
import { apiIsReady, startApiProcess, temporaryDirectory, testRedis } from '@runyard/testing';
import type { TemporaryDirectory, TestApi, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

/** Nobody renews the leases of specs: they must last longer than the start of an API, also on a busy machine. */
const LEASE_MS = 3_600_000;

export class ApiProcesses {
  redis!: TestRedis;
  dir!: TemporaryDirectory;
  store!: RunStore;
  readonly #cleanUp: (() => Promise<unknown>)[] = [];

  /** RUNYARD_DATA_DIR of all of them, unless their settings say another one. */
  get dataDir(): string {
    return `${this.dir.path}/data`;
  }

  /** Starts one with these settings and nothing else of this environment, until the end of the test. */
  readonly start = (settings: Readonly<Record<string, string>>): TestApi => {
    const api = startApiProcess({ cwd: this.dir.path, env: { REDIS_URL: this.redis.url, RUNYARD_DATA_DIR: this.dataDir, ...settings } });
    onTestFinished(async () => void (await api.end()));
    return api;
  };

  /** The address of one, when it is ready. */
  readonly ready = async (api: TestApi, key: string): Promise<string> => {
    const url = await api.url();
    await apiIsReady(url, key);
    return url;
  };

  async open(): Promise<void> {
    this.dir = await temporaryDirectory();
    this.#cleanUp.push(() => this.dir.remove());
    this.redis = await testRedis();
    this.#cleanUp.push(() => this.redis.stop());
    this.store = RunStore.open({ redis: this.redis.connection, role: 'worker', dataDir: this.dataDir, leaseMs: LEASE_MS });
    this.#cleanUp.push(() => this.store.close());
  }

  async close(): Promise<void> {
    for (const clean of this.#cleanUp.toReversed()) await clean();
  }
}

/** Makes them for the file that calls this at its top. */
export function apiProcesses(): ApiProcesses {
  const processes = new ApiProcesses();
  // The first spec on a machine may have to download a Redis.
  beforeAll(() => processes.open(), 300_000);
  afterAll(() => processes.close());
  return processes;
}
