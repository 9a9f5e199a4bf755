// What every part of the API needs to know, decided once at the start.
import { Metrics, RunMetrics } from '@runyard/telemetry';
import type { Logger } from 'pino';
import type { Route } from './http/route-table.js';

export interface ApiContextOptions {
  readonly logger: Logger;
  /** Version of Runyard. */
  readonly version: string;
  /** True when the offline demo model answers instead of Claude. */
  readonly demo: boolean;
  /** True when this process has user id 0; locally the worker then has it too. */
  readonly runsAsRoot: boolean;
  /** Absolute directories below which a run may work in place. */
  readonly workspaceRoots: readonly string[];
  /** Where runs, logs and transcripts are kept. */
  readonly dataDir: string;
}

/** Injected by its class. */
export class ApiContext {
  readonly logger: Logger;
  readonly version: string;
  readonly demo: boolean;
  readonly runsAsRoot: boolean;
  readonly workspaceRoots: readonly string[];
  readonly dataDir: string;
  readonly metrics: Metrics;
  /** Of runs that end here, without a worker. */
  readonly runMetrics: RunMetrics;
  readonly startedAtMs: number = performance.now();
  /** Every registered route; complete once the server is ready. */
  readonly routes: Route[] = [];
  readonly #closing = new AbortController();

  constructor(options: ApiContextOptions) {
    this.logger = options.logger;
    this.version = options.version;
    this.demo = options.demo;
    this.runsAsRoot = options.runsAsRoot;
    this.workspaceRoots = options.workspaceRoots;
    this.dataDir = options.dataDir;
    this.metrics = new Metrics({ process: 'api', version: options.version });
    this.runMetrics = new RunMetrics(this.metrics);
  }

  /** Aborted when the process stops taking work: waits answer at once, streams end. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** From now on requests are refused with `shutting_down`. */
  close(): void {
    this.#closing.abort();
  }
}
