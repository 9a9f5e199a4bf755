// Settings of the demo model.
import { z } from 'zod';
import { flag, host, port } from './fields.js';
import type { Environment } from './host-environment.js';
import { readSettings } from './read-settings.js';

export const DemoModelEnvironment = z.object({
  RUNYARD_DEMO_HOST: host.default('127.0.0.1').meta({ description: 'Address the demo model listens on.' }),
  RUNYARD_DEMO_PORT: port.default(0).meta({ description: 'Port the demo model listens on; 0 takes any free one.' }),
  RUNYARD_DEMO_PARENT_PIPE: flag.default(false).meta({
    description: 'Ends the demo model when its standard input closes; set by `runyard up`.',
  }),
});

/** Typed settings of the demo model. */
export interface DemoModelSettings {
  readonly host: string;
  readonly port: number;
  readonly endWithParent: boolean;
}

/** Reads the settings of the demo model. Throws SettingsError. */
export function demoModelSettings(env?: Environment): DemoModelSettings {
  const read = readSettings(DemoModelEnvironment, env);
  return { host: read.RUNYARD_DEMO_HOST, port: read.RUNYARD_DEMO_PORT, endWithParent: read.RUNYARD_DEMO_PARENT_PIPE };
}
