// Settings that exist for fault tests only: refused in a process that was not started as one of them.
import { z } from 'zod';
import type { Environment } from './host-environment.js';
import { flag } from './fields.js';
import { readSettings } from './read-settings.js';
import { SettingsError } from './settings-error.js';

const TestEnvironment = z.object({
  RUNYARD_TEST_FAULTS: flag.default(false).meta({ description: 'This process is part of a fault test.' }),
  RUNYARD_TEST_CRASH: z.string().max(10_000).optional().meta({ description: 'Where a worker kills itself.' }),
});

/**
 * The points at which a worker of a fault test kills itself, as text; see `armCrashPoints` of the worker. Undefined: nowhere.
 * Throws SettingsError when it is set outside of a fault test.
 */
export function crashSetting(env?: Environment): string | undefined {
  const read = readSettings(TestEnvironment, env);
  if (read.RUNYARD_TEST_CRASH !== undefined && !read.RUNYARD_TEST_FAULTS) {
    throw new SettingsError([{ name: 'RUNYARD_TEST_CRASH', fix: 'makes a worker kill itself and is for fault tests only: remove it' }]);
  }
  return read.RUNYARD_TEST_CRASH;
}
