// Settings of the `runyard` command when it talks to a running API.
import { resolve } from 'node:path';
import { z } from 'zod';
import { httpUrl, path } from './fields.js';
import type { Environment } from './host-environment.js';
import { readSettings } from './read-settings.js';
import * as shared from './shared-fields.js';

export const CliEnvironment = z.object({
  RUNYARD_URL: httpUrl.optional().meta({
    description: 'Address of the API for the `runyard` command. Default: the local stack of the data directory.',
  }),
  RUNYARD_API_KEY: shared.apiKeyField,
  RUNYARD_COMMAND: shared.commandField,
  RUNYARD_DATA_DIR: path.optional().meta({
    description: 'Where the command finds the address and the key of the local stack. Default: the nearest `.runyard`, from here upwards, else that of the checkout.',
  }),
});

/** Typed settings of the command; `url` has no trailing slash; `dataDir` is absolute, undefined means that it has to be looked for. */
export interface CliSettings {
  readonly url: string | undefined;
  readonly apiKey: string | undefined;
  readonly dataDir: string | undefined;
}

/** Reads the settings of the command. Throws SettingsError. */
export function cliSettings(env?: Environment): CliSettings {
  const read = readSettings(CliEnvironment, env);
  return {
    url: read.RUNYARD_URL,
    apiKey: read.RUNYARD_API_KEY,
    dataDir: read.RUNYARD_DATA_DIR === undefined ? undefined : resolve(read.RUNYARD_DATA_DIR),
  };
}

/** How people call this command where its path would not help them, as from a container; undefined elsewhere. Throws SettingsError. */
export function commandSetting(env?: Environment): string | undefined {
  return readSettings(CliEnvironment.pick({ RUNYARD_COMMAND: true }), env).RUNYARD_COMMAND;
}
