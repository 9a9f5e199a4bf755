// The local stack: which parts there are, in which order they start and end.
import { join } from 'node:path';
import type { Environment, LocalSettings } from '@runyard/config';
import type { Logger } from '@runyard/telemetry';
import { apiEnvironment, demoEnvironment, workerEnvironment } from './child-environments.js';
import type { StackFacts } from './child-environments.js';
import type { LogSink } from './log-sink.js';
import { startOrphanWatch } from './orphan-watch.js';
import { startLocalRedis } from './start-local-redis.js';
import { startProcess } from './start-process.js';
import { Supervised } from './supervised.js';
import type { Running } from './supervised.js';

export interface StackPlan {
  readonly root: string;
  readonly env: Environment;
  readonly settings: LocalSettings;
  readonly port: number;
  readonly workerPort: number;
  readonly workspaceRoots: readonly string[];
  /** Port of the demo model when it stands in for Claude. */
  readonly demoPort: number | undefined;
}

export interface StackOptions {
  readonly plan: StackPlan;
  readonly log: Logger;
  readonly sink: LogSink;
  /** A part is given up for good: the stack cannot go on. */
  readonly onGivenUp: (reason: string) => void;
}

const API_GRACE_MS = 15_000;
const REDIS_GRACE_MS = 15_000;
// Beyond the time for the runs: ending those that are left, and writing down how they ended.
const DRAIN_MARGIN_MS = 45_000;

/** Starts Redis first, ends it last; the API ends before the worker, so nothing new comes while runs finish. */
export class Stack {
  readonly #options: StackOptions;
  readonly #orphans = startOrphanWatch();
  readonly #started: { readonly order: number; readonly part: Supervised }[] = [];

  constructor(options: StackOptions) {
    this.#options = options;
  }

  /**
   * Starts all parts, which may need a moment until they are ready. Returns early when `signal` is aborted; stop() ends what runs by then.
   * @throws when a part cannot be started
   */
  async start(signal: AbortSignal): Promise<void> {
    const { plan } = this.#options;
    const redisUrl = plan.settings.redisUrl ?? (await this.#startRedis());
    if (signal.aborted) return;
    const demoUrl = plan.demoPort === undefined ? undefined : `http://127.0.0.1:${plan.demoPort}`;
    const facts: StackFacts = {
      ...plan.settings,
      redisUrl,
      port: plan.port,
      workerPort: plan.workerPort,
      workspaceRoots: plan.workspaceRoots,
      demoUrl,
    };
    if (plan.demoPort !== undefined) await this.#startApp('demo', 'demo-model', 3, demoEnvironment(plan.env, plan.demoPort), API_GRACE_MS);
    await this.#startApp('api', 'api', 1, apiEnvironment(plan.env, facts), API_GRACE_MS);
    await this.#startApp('worker', 'worker', 2, workerEnvironment(plan.env, facts), plan.settings.drainTimeoutMs + DRAIN_MARGIN_MS);
  }

  /** Ends all parts in order; resolves when the last one is gone. */
  async stop(): Promise<void> {
    for (const { part } of this.#started.toSorted((a, b) => a.order - b.order)) await part.stop();
    this.#orphans.close();
  }

  /** Asks what still runs to end at once, in order. */
  hurry(): void {
    for (const { order, part } of this.#started) if (order < 4) part.hurry();
  }

  /** Kills everything. */
  kill(): void {
    for (const { part } of this.#started) part.kill();
  }

  async #startRedis(): Promise<string> {
    const { log, plan } = this.#options;
    let url = '';
    const start = async (): Promise<Running> => {
      const running = await startLocalRedis(plan.settings.dataDir, log.child({}, { msgPrefix: 'Redis: ' }));
      ({ url } = running);
      return running;
    };
    await this.#keep('redis', 4, start, REDIS_GRACE_MS);
    return url;
  }

  async #startApp(name: string, app: string, order: number, env: Readonly<Record<string, string>>, graceMs: number): Promise<void> {
    const { plan, sink } = this.#options;
    const entry = join(plan.root, 'apps', app, 'dist', 'main.js');
    await this.#keep(name, order, () => startProcess({ entry, env, onLine: (line) => sink.line(name, line), orphans: this.#orphans }), graceMs);
  }

  async #keep(name: string, order: number, start: () => Promise<Running>, graceMs: number): Promise<void> {
    const { log, onGivenUp } = this.#options;
    const part = new Supervised({ name, start, log, graceMs, onGivenUp });
    this.#started.push({ order, part });
    await part.start();
  }
}
