// A small installation of real processes on one machine: Redis, API processes, workers, demo models, and what is needed to hurt them.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { httpCall, startDemoModel, temporaryDirectory, waitFor } from '@runyard/testing';
import type { HttpAnswer, TemporaryDirectory, TestDemoModel } from '@runyard/testing';
import type { ModelCall } from './evidence.ts';
import { Ledger } from './ledger.ts';
import { start } from './process.ts';
import type { Started } from './process.ts';
import { RedisServer } from './redis-server.ts';
import { StandWorker } from './stand-worker.ts';

const API = fileURLToPath(new URL('../apps/api/dist/main.js', import.meta.url));
const INSIST_MS = 60_000;
export const KEY = 'key-of-the-fault-tests-0123';

export interface ApiProcess {
  process: Started;
  url: string;
}

export interface WorkerOptions {
  /** It is started again whenever it ends. */
  readonly restarts?: boolean;
  /** Its calls go to a demo model of its own, so that one can tell whose they are. */
  readonly ownModel?: boolean;
}

export class Stand {
  readonly redis: RedisServer;
  readonly ledger: Ledger;
  readonly model: TestDemoModel;
  readonly dir: string;
  readonly apis: ApiProcess[] = [];
  readonly workers: StandWorker[] = [];
  readonly #directory: TemporaryDirectory;
  #closing = false;

  private constructor(directory: TemporaryDirectory, redis: RedisServer, ledger: Ledger, model: TestDemoModel) {
    this.#directory = directory;
    this.dir = directory.path;
    this.redis = redis;
    this.ledger = ledger;
    this.model = model;
  }

  /** With so many API processes and no worker. Whoever opens it closes it. */
  static async open(apis: number): Promise<Stand> {
    const directory = await temporaryDirectory();
    for (const name of ['home', 'data', 'tmp']) await mkdir(join(directory.path, name));
    const [redis, ledger, model] = await Promise.all([RedisServer.start(join(directory.path, 'redis')), Ledger.make(join(directory.path, 'ledger')), startDemoModel()]);
    const stand = new Stand(directory, redis, ledger, model);
    try {
      await Promise.all(Array.from({ length: apis }, () => stand.#addApi()));
      return stand;
    } catch (error) {
      await stand.close();
      throw error;
    }
  }

  get crashFile(): string {
    return join(this.dir, 'crash-points');
  }

  get temporaryFiles(): string {
    return join(this.dir, 'tmp');
  }

  /** What each worker has; `more` is laid over it. */
  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      HOME: join(this.dir, 'home'),
      TMPDIR: this.temporaryFiles,
      REDIS_URL: this.redis.url,
      RUNYARD_DATA_DIR: join(this.dir, 'data'),
      RUNYARD_WORKSPACES: this.dir,
      RUNYARD_WORKER_PORT: '0',
      RUNYARD_CLAUDE_MAX_RETRIES: '1',
      RUNYARD_TEST_CRASH: `@${this.crashFile}`,
      ANTHROPIC_BASE_URL: this.model.url,
      ANTHROPIC_API_KEY: 'sk-test-0123456789abcdef',
      ...more,
    };
  }

  /** Starts a worker and waits until it takes runs. */
  async addWorker(more: Readonly<Record<string, string>> = {}, options: WorkerOptions = {}): Promise<StandWorker> {
    const model = options.ownModel === true ? await startDemoModel() : undefined;
    const worker = new StandWorker(this.environment({ ...(model && { ANTHROPIC_BASE_URL: model.url }), ...more }), options.restarts ?? false, model);
    this.workers.push(worker);
    await worker.ready();
    return worker;
  }

  /** The worker that has this id now or had it before. */
  workerWith(id: string | null): StandWorker | undefined {
    return this.workers.find((worker) => id !== null && worker.hasId(id));
  }

  readonly urls = (): readonly string[] => this.apis.map((api) => api.url);

  /** One request to the first API process that answers at all. @throws the last error when none does */
  async ask(method: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    let problem: unknown = new Error('there is no API');
    for (const { url } of this.apis) {
      try {
        return await httpCall(url, path, { method, headers: { authorization: `Bearer ${KEY}`, ...headers }, ...(body && { body }) });
      } catch (error) {
        problem = error;
      }
    }
    throw problem;
  }

  /** Asks again until somebody answers 200, as people do while something is being replaced. @throws when nobody does */
  async insist(method: string, path: string, body?: object): Promise<void> {
    await waitFor(async () => (await this.ask(method, path, body).catch(() => undefined))?.status === 200, { what: `an answer to ${method} ${path}`, timeoutMs: INSIST_MS });
  }

  /** SIGKILL for an API process, and another one in its place. */
  async replaceApi(api: ApiProcess): Promise<void> {
    await api.process.kill();
    if (!this.#closing) Object.assign(api, await this.#startApi());
  }

  /** Calls of a session at the models that belong to one worker, in order of time. */
  async calls(sessionUuid: string): Promise<ModelCall[]> {
    const lists = await Promise.all(this.workers.map((worker, index) => worker.calls(sessionUuid, `worker ${index + 1}`)));
    return lists.flat().toSorted((one, two) => one.atMs - two.atMs);
  }

  /** Names of temporary files of runs that are still there. */
  async leftFiles(): Promise<string[]> {
    return (await readdir(this.temporaryFiles)).filter((name) => name.startsWith('runyard-'));
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled(this.workers.map((worker) => worker.stop()));
    await Promise.allSettled(this.apis.map((api) => api.process.kill()));
    await Promise.allSettled([this.model.stop(), this.redis.stop()]);
    await this.#directory.remove();
  }

  async #addApi(): Promise<void> {
    this.apis.push(await this.#startApi());
  }

  async #startApi(): Promise<ApiProcess> {
    const api = start(API, {
      REDIS_URL: this.redis.url,
      RUNYARD_PORT: '0',
      RUNYARD_METRICS_PORT: 'off',
      RUNYARD_DATA_DIR: join(this.dir, 'data'),
      RUNYARD_WORKSPACES: this.dir,
      RUNYARD_API_KEY: KEY,
    });
    const { url } = await api.logged('API listening');
    return { process: api, url: String(url) };
  }
}
