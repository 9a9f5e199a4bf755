// Settings of `runyard up`, the local stack; its children read theirs from the same environment.
import { resolve } from 'node:path';
import { z } from 'zod';
import { redisUrl } from './fields.js';
import type { Environment } from './host-environment.js';
import { readSettings } from './read-settings.js';
import * as shared from './shared-fields.js';

export const LocalEnvironment = z.object({
  RUNYARD_HOST: shared.hostField,
  RUNYARD_PORT: shared.portField,
  RUNYARD_WORKER_HOST: shared.workerHostField,
  RUNYARD_WORKER_PORT: shared.workerPortField,
  RUNYARD_DATA_DIR: shared.dataDirField,
  RUNYARD_API_KEY: shared.apiKeyField,
  REDIS_URL: redisUrl.optional().meta({
    description: 'Address of Redis. Without it `runyard up` runs a private server in the data directory.',
    secret: true,
  }),
  RUNYARD_CAPACITY: shared.capacityField,
  RUNYARD_WORKSPACES: shared.workspacesField,
  RUNYARD_LOG_LEVEL: shared.logLevelField,
  RUNYARD_DRAIN_TIMEOUT_SECONDS: shared.drainTimeoutField,
});

/** Typed settings of the local stack; `dataDir` is absolute, `redisUrl` undefined means a private server. */
export interface LocalSettings {
  readonly host: string;
  readonly port: number;
  readonly workerHost: string;
  readonly workerPort: number;
  readonly dataDir: string;
  readonly apiKey: string | undefined;
  readonly redisUrl: string | undefined;
  readonly capacity: number;
  readonly workspaceRoots: readonly string[];
  readonly logLevel: string;
  readonly drainTimeoutMs: number;
}

/** Reads the settings of `runyard up`. Throws SettingsError. */
export function localSettings(env?: Environment): LocalSettings {
  const read = readSettings(LocalEnvironment, env);
  return {
    host: read.RUNYARD_HOST,
    port: read.RUNYARD_PORT,
    workerHost: read.RUNYARD_WORKER_HOST,
    workerPort: read.RUNYARD_WORKER_PORT,
    dataDir: resolve(read.RUNYARD_DATA_DIR),
    apiKey: read.RUNYARD_API_KEY,
    redisUrl: read.REDIS_URL,
    capacity: read.RUNYARD_CAPACITY,
    workspaceRoots: read.RUNYARD_WORKSPACES,
    logLevel: read.RUNYARD_LOG_LEVEL,
    drainTimeoutMs: read.RUNYARD_DRAIN_TIMEOUT_SECONDS * 1000,
  };
}
