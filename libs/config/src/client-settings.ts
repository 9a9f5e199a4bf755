// Settings of the `runyard` command when it talks to a running API.
import { resolve } from 'node:path';
import { z } from 'zod';
import { httpUrl } from './fields.js';
import type { Environment } from './host-environment.js';
import { readSettings } from './read-settings.js';
import * as shared from './shared-fields.js';

export const ClientEnvironment = z.object({
  RUNYARD_URL: httpUrl.optional().meta({
    description: 'Address of the API for the `runyard` command. Default: the local stack of the data directory.',
  }),
  RUNYARD_API_KEY: shared.apiKeyField,
  RUNYARD_DATA_DIR: shared.dataDirField,
});

/** Typed settings of the command; `dataDir` is absolute, `url` has no trailing slash. */
export interface ClientSettings {
  readonly url: string | undefined;
  readonly apiKey: string | undefined;
  readonly dataDir: string;
}

/** Reads the settings of the command. Throws SettingsError. */
export function clientSettings(env?: Environment): ClientSettings {
  const read = readSettings(ClientEnvironment, env);
  return { url: read.RUNYARD_URL, apiKey: read.RUNYARD_API_KEY, dataDir: resolve(read.RUNYARD_DATA_DIR) };
}
