// Settings of the API process.
import { resolve } from 'node:path';
import { z } from 'zod';
import type { Environment } from './host-environment.js';
import { flag, host, portOrOff } from './fields.js';
import { readSettings } from './read-settings.js';
import * as shared from './shared-fields.js';

export const ApiEnvironment = z.object({
  RUNYARD_HOST: shared.hostField,
  RUNYARD_PORT: shared.portField,
  RUNYARD_DATA_DIR: shared.dataDirField,
  RUNYARD_API_KEY: shared.apiKeyField,
  RUNYARD_COMMAND: shared.commandField,
  REDIS_URL: shared.redisUrlField,
  RUNYARD_WORKSPACES: shared.workspacesField,
  RUNYARD_ALLOWED_HOSTS: shared.allowedHostsField,
  RUNYARD_METRICS_HOST: host.default('127.0.0.1').meta({ description: 'Address on which the API serves `/metrics`, without a key: keep it internal.' }),
  RUNYARD_METRICS_PORT: portOrOff.default(8082).meta({
    description: 'Port on which the API serves `/metrics`; 0 takes any free one, `off` none. A worker serves them on its own port.',
  }),
  RUNYARD_LOG_LEVEL: shared.logLevelField,
  RUNYARD_DEMO: flag.default(false).meta({ description: 'Say in the status that the offline demo model answers instead of Claude. Set by the local stack.' }),
  RUNYARD_PARENT_PIPE: shared.parentPipeField,
});

/** Typed settings of the API; `dataDir` is absolute. */
export interface ApiSettings {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly apiKey: string | undefined;
  /** How people call the `runyard` command; undefined where they have its path. */
  readonly command: string | undefined;
  readonly redisUrl: string;
  readonly workspaceRoots: readonly string[];
  readonly allowedHosts: readonly string[];
  /** Undefined: metrics are not served. */
  readonly metricsPlace: { readonly host: string; readonly port: number } | undefined;
  readonly logLevel: string;
  readonly demo: boolean;
  readonly endWithParent: boolean;
}

/** Reads the settings of the API. Throws SettingsError. */
export function apiSettings(env?: Environment): ApiSettings {
  const read = readSettings(ApiEnvironment, env);
  return {
    host: read.RUNYARD_HOST,
    port: read.RUNYARD_PORT,
    dataDir: resolve(read.RUNYARD_DATA_DIR),
    apiKey: read.RUNYARD_API_KEY,
    command: read.RUNYARD_COMMAND,
    redisUrl: read.REDIS_URL,
    workspaceRoots: read.RUNYARD_WORKSPACES,
    allowedHosts: read.RUNYARD_ALLOWED_HOSTS,
    metricsPlace: read.RUNYARD_METRICS_PORT === undefined ? undefined : { host: read.RUNYARD_METRICS_HOST, port: read.RUNYARD_METRICS_PORT },
    logLevel: read.RUNYARD_LOG_LEVEL,
    demo: read.RUNYARD_DEMO,
    endWithParent: read.RUNYARD_PARENT_PIPE,
  };
}
