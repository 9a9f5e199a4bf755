// What specs of the API stand on: a Redis of their own, a directory, the API on a free port, and the store as a worker has it.
import type { IncomingMessage } from 'node:http';
import { newId } from '@runyard/domain';
import type { Outcome, Problem, Run } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { Lease } from '@runyard/run-store';
import { createLogger } from '@runyard/telemetry';
import { apiIsReady, httpCall, httpOpen, redisCommand, temporaryDirectory, testRedis } from '@runyard/testing';
import type { HttpAnswer, HttpCall, TemporaryDirectory, TestRedis } from '@runyard/testing';
import { afterAll, beforeAll } from 'vitest';
import { startApi } from './start-api.js';
import type { ListenSettings, RunningApi, StartOptions } from './start-api.js';

export const KEY = 'key-for-specs-of-the-api';

/** Nobody renews the leases of specs: they must last longer than a test, also on a busy machine. */
const LEASE_MS = 3_600_000;

export const SUCCEEDED: Outcome = {
  status: 'succeeded', failure: null, result: 'done', structured_output: null, usage: null, cost_usd: 0, cost_estimated: false, num_turns: 1, duration_ms: 1,
};

/** The call with the key, unless it says itself who asks. */
export const withKey = (options: HttpCall = {}): HttpCall => ({ ...options, headers: { authorization: `Bearer ${KEY}`, ...options.headers } });

/** What a refusal says: its status, its code, and the fields that are wrong. */
export const problemOf = ({ status, json }: HttpAnswer): unknown[] => [status, (json as Problem).code, ...((json as Problem).errors ?? []).map(({ field }) => field)];

/** A logger whose lines are added to `lines`. */
export const loggerInto = (lines: string[], level: 'info' | 'trace') => createLogger({ name: 'api', level, destination: { write: (line) => void lines.push(line) } });

export interface ApiStandOptions {
  /** For startApi, beside what every spec needs. */
  readonly api?: Partial<Omit<StartOptions, 'settings' | 'key'>>;
  /** The same for its settings; `dir` is the path of the directory. */
  readonly settings?: (dir: string) => Partial<ListenSettings>;
  /** false: the API will not be ready. Default: tests begin when it is, because its first connection takes its time on a busy machine. */
  readonly becomesReady?: false;
  /** Before the API starts. */
  readonly prepare?: (redis: TestRedis, dir: string) => Promise<unknown>;
}

/** Its methods may be taken off it; what they stand on is there from `beforeAll` to `afterAll`. */
export class ApiStand {
  redis!: TestRedis;
  dir!: TemporaryDirectory;
  api!: RunningApi;
  worker!: RunStore;
  readonly #options: ApiStandOptions;
  readonly #cleanUp: (() => Promise<unknown>)[] = [];

  constructor(options: ApiStandOptions) {
    this.#options = options;
  }

  /** A call with the key. */
  readonly call = (path: string, options?: HttpCall, at = this.api): Promise<HttpAnswer> => httpCall(at.url, path, withKey(options));

  /** The same for an answer that goes on; the caller reads or destroys it. */
  readonly open = (path: string, options?: HttpCall, at = this.api): Promise<IncomingMessage> => httpOpen(at.url, path, withKey(options));

  readonly create = async (fields: object = {}, headers: HttpCall['headers'] = {}): Promise<Run> =>
    (await this.call('/v1/runs', { body: { prompt: 'go', ...fields }, headers })).json as Run;

  readonly show = async (id: string): Promise<Run> => (await this.call(`/v1/runs/${id}`)).json as Run;

  /** How many follow or wait, as the status says. */
  readonly viewers = async (at = this.api): Promise<number> => ((await this.call('/v1/status', {}, at)).json as { viewers: number }).viewers;

  /** Claims a run as a new worker would. */
  readonly claim = async (runId: string, dispatch = 1, credential?: string): Promise<Lease> => {
    const workerId = newId('worker');
    const answer = await this.worker.claim({ runId, dispatch, workerId, ...(credential === undefined ? {} : { credential }) });
    if (answer.kind !== 'claimed') throw new Error(`the claim of ${runId} was answered with ${answer.kind}`);
    return { runId, attempt: answer.run.attempt, workerId };
  };

  /** The tickets in the queue, the next one first. */
  readonly tickets = async (): Promise<string[]> => (await redisCommand(this.redis.connection, 'ZRANGE', 'runyard:bull:runs:prioritized', '0', '-1')) as string[];

  readonly ready = (at = this.api): Promise<void> => apiIsReady(at.url, KEY);

  /** One more API on the same Redis and the same directory, ready unless `becomesReady` says otherwise. Whoever starts it closes it. */
  readonly start = async (more: ApiStandOptions['api'] = {}): Promise<RunningApi> => {
    const { api, settings } = this.#options;
    const dir = this.dir.path;
    const listen = { host: '127.0.0.1', port: 0, dataDir: dir, redisUrl: this.redis.url, workspaceRoots: [], allowedHosts: [], ...settings?.(dir) };
    const started = await startApi({ settings: listen, key: KEY, logger: createLogger({ name: 'api', level: 'silent' }), demo: false, runsAsRoot: false, ...api, ...more });
    try {
      if (this.#options.becomesReady !== false) await this.ready(started);
    } catch (error) {
      await started.close();
      throw error;
    }
    return started;
  };

  async openAll(): Promise<void> {
    this.dir = await temporaryDirectory();
    this.#cleanUp.push(() => this.dir.remove());
    this.redis = await testRedis();
    this.#cleanUp.push(() => this.redis.stop());
    await this.#options.prepare?.(this.redis, this.dir.path);
    this.worker = RunStore.open({ redis: this.redis.connection, role: 'worker', dataDir: this.dir.path, leaseMs: LEASE_MS });
    this.#cleanUp.push(() => this.worker.close());
    this.api = await this.start();
    this.#cleanUp.push(() => this.api.close());
  }

  async closeAll(): Promise<void> {
    for (const clean of this.#cleanUp.toReversed()) await clean();
  }
}

/** Makes one for the file that calls this at its top. */
export function apiStand(options: ApiStandOptions = {}): ApiStand {
  const stand = new ApiStand(options);
  // The first spec on a machine may have to download a Redis.
  beforeAll(() => stand.openAll(), 300_000);
  afterAll(() => stand.closeAll());
  return stand;
}

/** The same for those who take what they need of it before the first test. */
export function onApiStand(take: (stand: ApiStand) => void, options: ApiStandOptions = {}): void {
  const stand = apiStand(options);
  beforeAll(() => take(stand));
}
