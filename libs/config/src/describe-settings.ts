// Every setting of every app as data: for docs/configuration.md and for telling unknown variables.
import type { z } from 'zod';
import { ApiEnvironment } from './api-settings.js';
import { CliEnvironment } from './cli-settings.js';
import { DemoModelEnvironment } from './demo-model-settings.js';
import type { Environment } from './host-environment.js';
import { LocalEnvironment } from './local-settings.js';
import { settingDefault, settingFields, settingMeta } from './setting-names.js';
import { WorkerEnvironment } from './worker-settings.js';

const schemaOfApp: Readonly<Record<string, z.ZodType>> = {
  api: ApiEnvironment,
  worker: WorkerEnvironment,
  up: LocalEnvironment,
  cli: CliEnvironment,
  'demo-model': DemoModelEnvironment,
};

/** One variable. `default` is as a user would write it, null when there is none; `apps` are the processes that read it. */
export interface SettingDescription {
  readonly name: string;
  readonly apps: readonly string[];
  readonly default: string | null;
  readonly unit: string | null;
  readonly description: string;
  readonly secret: boolean;
}

/** All settings sorted by name. A variable that several apps read is described by the first of them. */
export function describeSettings(): SettingDescription[] {
  const byName = new Map<string, SettingDescription>();
  for (const [app, schema] of Object.entries(schemaOfApp)) {
    for (const [name, field] of Object.entries(settingFields(schema))) {
      const known = byName.get(name);
      const description = known ?? { name, apps: [], default: settingDefault(field), ...settingMeta(field) };
      byName.set(name, { ...description, apps: [...description.apps, app] });
    }
  }
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

// Not settings of a service: secrets under names of the user's choice, the mark that a worker gives to the processes of a run, and tests.
const notSettings = /^RUNYARD_(SECRET_.*|RUN_MARK|TEST_FAULTS|TEST_CRASH)$/;

/**
 * `RUNYARD_*` variables that are set but that neither `schema` nor any app knows: most likely misspelt.
 * Empty values count as unset.
 */
export function unknownSettings(schema: z.ZodType, env: Environment): string[] {
  const known = new Set([...describeSettings().map((setting) => setting.name), ...Object.keys(settingFields(schema))]);
  return Object.keys(env)
    .filter((name) => name.startsWith('RUNYARD_') && !notSettings.test(name) && env[name] !== '')
    .filter((name) => !known.has(name) && !known.has(name.replace(/_FILE$/, '')))
    .toSorted();
}
