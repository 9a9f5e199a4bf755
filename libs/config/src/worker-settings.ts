// Settings of a worker process: where it works, how much, and how long it lets things take.
import { resolve } from 'node:path';
import { z } from 'zod';
import { wholeNumber } from './fields.js';
import type { Environment } from './host-environment.js';
import { readSettings } from './read-settings.js';
import * as shared from './shared-fields.js';

const MEBIBYTE = 1024 * 1024;

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
  RUNYARD_UPSTREAM_WAIT_SECONDS: wholeNumber(0, 2_592_000).default(86_400).meta({
    description: 'How long a run waits while the model provider refuses it: limits, overload, no credit, a key that does not work. 0 = it fails at once.',
    unit: 'seconds',
  }),
  RUNYARD_QUEUE_SILENCE_SECONDS: wholeNumber(1, 86_400).default(30).meta({
    description: 'How long a run may wait in the queue while this worker has room and gets no ticket; then the worker takes its connection for dead, drains and exits with 1, to be started again.',
    unit: 'seconds',
  }),
  RUNYARD_EVENT_INLINE_BYTES: wholeNumber(1024, 16_777_216).default(262_144).meta({
    description: 'A larger line of the CLI is kept in a file of the run instead of Redis; whoever reads the events notices nothing.',
    unit: 'bytes',
  }),
  RUNYARD_RUN_LOG_REDIS_BYTES: wholeNumber(65_536, 4_294_967_296).default(33_554_432).meta({
    description: 'How much of the live log of one run is kept in Redis; what is older moves to files of the run and can be read as before.',
    unit: 'bytes',
  }),
  RUNYARD_MIN_FREE_MB: wholeNumber(0, 1_000_000_000).default(512).meta({
    description: 'With less than this free in the data directory or the temporary directory a worker takes no runs. 0 = never mind.',
    unit: 'MiB',
  }),
  RUNYARD_RUN_MEMORY_MB: wholeNumber(0, 1_000_000_000).default(0).meta({
    description: 'How much memory the processes of one run may use together; above it the run fails with `out_of_memory`. 0 = no limit.',
    unit: 'MiB',
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
  readonly upstreamWaitMs: number;
  readonly queueSilenceMs: number;
  readonly eventInlineBytes: number;
  readonly runLogRedisBytes: number;
  readonly minFreeBytes: number;
  /** 0 = no limit. */
  readonly runMemoryBytes: number;
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
    upstreamWaitMs: read.RUNYARD_UPSTREAM_WAIT_SECONDS * 1000,
    queueSilenceMs: read.RUNYARD_QUEUE_SILENCE_SECONDS * 1000,
    eventInlineBytes: read.RUNYARD_EVENT_INLINE_BYTES,
    runLogRedisBytes: read.RUNYARD_RUN_LOG_REDIS_BYTES,
    minFreeBytes: read.RUNYARD_MIN_FREE_MB * MEBIBYTE,
    runMemoryBytes: read.RUNYARD_RUN_MEMORY_MB * MEBIBYTE,
    claudeMaxRetries: read.RUNYARD_CLAUDE_MAX_RETRIES,
    claudeApiTimeoutMs: read.RUNYARD_CLAUDE_API_TIMEOUT_SECONDS * 1000,
  };
}
