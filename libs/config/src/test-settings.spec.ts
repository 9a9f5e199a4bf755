// The setting that kills a worker on purpose cannot be set by accident.
import { expect, test } from 'vitest';
import { crashSetting } from './test-settings.js';
import { SettingsError } from './settings-error.js';

test('crash points are read in a fault test and refused everywhere else', () => {
  expect(crashSetting({})).toBeUndefined();
  expect(crashSetting({ RUNYARD_TEST_FAULTS: '1' })).toBeUndefined();
  expect(crashSetting({ RUNYARD_TEST_FAULTS: '1', RUNYARD_TEST_CRASH: 'K4:run_1' })).toBe('K4:run_1');
  expect(() => crashSetting({ RUNYARD_TEST_CRASH: 'K4:run_1' })).toThrow(SettingsError);
  expect(() => crashSetting({ RUNYARD_TEST_FAULTS: '0', RUNYARD_TEST_CRASH: 'K4:run_1' })).toThrow(/RUNYARD_TEST_CRASH/);
});
