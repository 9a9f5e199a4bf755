// Settings of a worker process: where it works, how much, and how long it lets things take.
import { resolve } from 'node:path';
import { z } from 'zod';
import { wholeNumber } from './fields.js';
import type { Environment } from './host-environment.js';
import { readSettings } from './read-settings.js';
import * as shared from './shared-fields.js';

export const WorkerEnvironment = z.object({
  RUNYARD_WORKER_HOST: shared.workerHostField,
  RUNYARD_WORKER_PORT: shared.workerPortField,
  RUNYARD_DATA_DIR: shared.dataDirField,
  REDIS_URL: shared.redisUrlField,
  RUNYARD_CAPACITY: shared.capacityField,
  RUNYARD_WORKSPACES: shared.workspacesField,
  RUNYARD_CLAUDE_BIN: shared.claudeBinField,
  RUNYARD_LOG_LEVEL: shared.logLevelField,
  RUNYARD_PARENT_PIPE: shared.parentPipeField,
  RUNYARD_DRAIN_TIMEOUT_SECONDS: shared.drainTimeoutField,
  RUNYARD_RUN_TIMEOUT_SECONDS: wholeNumber(1, 604_800).default(3600).meta({
    description: 'Wall clock limit of a run that does not ask for its own.',
    unit: 'seconds',
  }),
  RUNYARD_FIRST_MESSAGE_TIMEOUT_SECONDS: wholeNumber(1, 3600).default(60).meta({
    description: 'How long a started `claude` may stay silent before its first message.',
    unit: 'seconds',
  }),
  // The CLI recovers a stalled stream by itself at 300 s; a shorter limit would end runs that were about to go on.
  RUNYARD_SILENCE_TIMEOUT_SECONDS: wholeNumber(1, 86_400).default(330).meta({
    description: 'How long a run may print nothing while no tool runs and no permission is open.',
    unit: 'seconds',
  }),
  RUNYARD_EXIT_TIMEOUT_SECONDS: wholeNumber(1, 600).default(10).meta({
    description: 'How long `claude` may take to end after its last result.',
    unit: 'seconds',
  }),
  RUNYARD_CLAUDE_MAX_RETRIES: wholeNumber(0, 20).default(4).meta({
    description: 'How often the CLI itself repeats a failed request to the model.',
    unit: 'retries',
  }),
  RUNYARD_CLAUDE_API_TIMEOUT_SECONDS: wholeNumber(1, 3600).default(120).meta({
    description: 'How long the CLI waits for an answer of the model.',
    unit: 'seconds',
  }),
});

/** Typed settings of a worker; `dataDir` is absolute. */
export interface WorkerSettings {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly redisUrl: string;
  readonly capacity: number;
  readonly workspaceRoots: readonly string[];
  readonly claudeBin: string | undefined;
  readonly logLevel: string;
  readonly endWithParent: boolean;
  readonly drainTimeoutMs: number;
  readonly runTimeoutMs: number;
  readonly firstMessageTimeoutMs: number;
  readonly silenceTimeoutMs: number;
  readonly exitTimeoutMs: number;
  readonly claudeMaxRetries: number;
  readonly claudeApiTimeoutMs: number;
}

/** Reads the settings of a worker. Throws SettingsError. */
export function workerSettings(env?: Environment): WorkerSettings {
  const read = readSettings(WorkerEnvironment, env);
  return {
    host: read.RUNYARD_WORKER_HOST,
    port: read.RUNYARD_WORKER_PORT,
    dataDir: resolve(read.RUNYARD_DATA_DIR),
    redisUrl: read.REDIS_URL,
    capacity: read.RUNYARD_CAPACITY,
    workspaceRoots: read.RUNYARD_WORKSPACES,
    claudeBin: read.RUNYARD_CLAUDE_BIN,
    logLevel: read.RUNYARD_LOG_LEVEL,
    endWithParent: read.RUNYARD_PARENT_PIPE,
    drainTimeoutMs: read.RUNYARD_DRAIN_TIMEOUT_SECONDS * 1000,
    runTimeoutMs: read.RUNYARD_RUN_TIMEOUT_SECONDS * 1000,
    firstMessageTimeoutMs: read.RUNYARD_FIRST_MESSAGE_TIMEOUT_SECONDS * 1000,
    silenceTimeoutMs: read.RUNYARD_SILENCE_TIMEOUT_SECONDS * 1000,
    exitTimeoutMs: read.RUNYARD_EXIT_TIMEOUT_SECONDS * 1000,
    claudeMaxRetries: read.RUNYARD_CLAUDE_MAX_RETRIES,
    claudeApiTimeoutMs: read.RUNYARD_CLAUDE_API_TIMEOUT_SECONDS * 1000,
  };
}
