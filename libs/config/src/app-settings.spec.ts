// The settings of each app: names, defaults, units, and what the documentation says about them.
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { ApiEnvironment, apiSettings } from './api-settings.js';
import { cliSettings, commandSetting } from './cli-settings.js';
import { demoModelSettings } from './demo-model-settings.js';
import { describeSettings, unknownSettings } from './describe-settings.js';
import { hostEnvironment } from './host-environment.js';
import { localSettings } from './local-settings.js';
import { workerSettings } from './worker-settings.js';

test('the api listens on loopback only unless told otherwise', () => {
  expect(apiSettings({})).toEqual({
    host: '127.0.0.1',
    port: 8080,
    dataDir: resolve('.runyard'),
    apiKey: undefined,
    command: undefined,
    redisUrl: 'redis://127.0.0.1:6379',
    workspaceRoots: [],
    allowedHosts: [],
    metricsPlace: { host: '127.0.0.1', port: 8082 },
    logLevel: 'info',
    demo: false,
    endWithParent: false,
  });
});

test('lists, ports and paths of the api', () => {
  const settings = apiSettings({
    RUNYARD_PORT: '0',
    RUNYARD_DATA_DIR: 'data',
    RUNYARD_WORKSPACES: '/srv/a:/srv/b:',
    RUNYARD_ALLOWED_HOSTS: 'Runyard.example, box:8443',
    RUNYARD_API_KEY: '0123456789abcdef',
  });
  expect(settings).toMatchObject({
    port: 0,
    dataDir: resolve('data'),
    workspaceRoots: ['/srv/a', '/srv/b'],
    allowedHosts: ['runyard.example', 'box:8443'],
    apiKey: '0123456789abcdef',
  });
});

test.each([
  [{ RUNYARD_API_KEY: '0123456789abcde' }, 'RUNYARD_API_KEY must be 16 to 512'],
  [{ RUNYARD_API_KEY: '0123456789 abcdef' }, 'RUNYARD_API_KEY must be 16 to 512'],
  [{ RUNYARD_PORT: '65536' }, 'RUNYARD_PORT must be a whole number from 0 to 65535'],
  [{ RUNYARD_HOST: 'http://localhost' }, 'RUNYARD_HOST must be a host name'],
  [{ RUNYARD_WORKSPACES: '/srv:here' }, 'RUNYARD_WORKSPACES must be absolute paths'],
  [{ RUNYARD_ALLOWED_HOSTS: 'https://x' }, 'RUNYARD_ALLOWED_HOSTS must be host names'],
  [{ RUNYARD_LOG_LEVEL: 'verbose' }, 'RUNYARD_LOG_LEVEL must be trace, debug'],
])('the api refuses %j', (env, message) => {
  expect(() => apiSettings(env)).toThrow(message);
});

test('a password in a wrong Redis address is not shown', () => {
  const read = (): unknown => apiSettings({ REDIS_URL: 'http://:hunter2@cache' });
  expect(read).toThrow('REDIS_URL must be redis://host:port');
  expect(read).not.toThrow(/hunter2/);
});

test('durations of the worker are given in seconds and handed on in milliseconds', () => {
  expect(workerSettings({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '0', RUNYARD_WORKER_PORT: '0' })).toEqual({
    host: '127.0.0.1',
    port: 0,
    dataDir: resolve('.runyard'),
    redisUrl: 'redis://127.0.0.1:6379',
    capacity: 4,
    workspaceRoots: [],
    claudeBin: undefined,
    logLevel: 'info',
    endWithParent: false,
    drainTimeoutMs: 0,
    runTimeoutMs: 3_600_000,
    firstMessageTimeoutMs: 60_000,
    silenceTimeoutMs: 330_000,
    exitTimeoutMs: 10_000,
    upstreamWaitMs: 86_400_000,
    queueSilenceMs: 30_000,
    eventInlineBytes: 262_144,
    runLogRedisBytes: 33_554_432,
    minFreeBytes: 536_870_912,
    runMemoryBytes: 0,
    claudeMaxRetries: 4,
    claudeApiTimeoutMs: 120_000,
  });
});

test('the local stack runs its own Redis unless an address is given', () => {
  expect(localSettings({}).redisUrl).toBeUndefined();
  expect(localSettings({ REDIS_URL: 'unix:///run/r.sock' }).redisUrl).toBe('unix:///run/r.sock');
});

test('the command and the demo model', () => {
  expect(cliSettings({ RUNYARD_URL: 'https://runs.example/base/' }).url).toBe('https://runs.example/base');
  expect(() => cliSettings({ RUNYARD_URL: 'runs.example' })).toThrow('RUNYARD_URL must be an address');
  expect(demoModelSettings({})).toEqual({ host: '127.0.0.1', port: 0, endWithParent: false });
});

test('each setting is described once, with a default that its own schema accepts', () => {
  const settings = describeSettings();
  expect(settings.length).toBeGreaterThan(20);
  expect(new Set(settings.map((setting) => setting.name)).size).toBe(settings.length);
  for (const setting of settings) {
    expect(setting.description, setting.name).toMatch(/^[A-Z].*\.$/);
    expect(setting.apps.length, setting.name).toBeGreaterThan(0);
    if (setting.name.endsWith('_SECONDS')) expect(setting.unit, setting.name).toBe('seconds');
  }
  expect(settings.filter((setting) => setting.secret).map((setting) => setting.name)).toEqual(['REDIS_URL', 'RUNYARD_API_KEY']);
  expect(settings.find((setting) => setting.name === 'RUNYARD_PORT')).toEqual({
    name: 'RUNYARD_PORT',
    apps: ['api', 'up'],
    default: '8080',
    unit: null,
    description: 'Port the API listens on; 0 takes any free one.',
    secret: false,
  });
  const defaults = Object.fromEntries(settings.map((setting) => [setting.name, setting.default ?? '']));
  for (const read of [apiSettings, workerSettings, localSettings, demoModelSettings]) {
    const { REDIS_URL: _, ...withoutRedis } = defaults;
    expect(read(withoutRedis)).toEqual(read({}));
  }
});

test('the command looks for its server when nothing is set', () => {
  expect(cliSettings({})).toEqual({ url: undefined, apiKey: undefined, dataDir: undefined });
});

test('how people call the command is known where it was said', () => {
  const RUNYARD_COMMAND = 'docker compose exec api runyard';
  expect([commandSetting({ RUNYARD_COMMAND }), apiSettings({ RUNYARD_COMMAND }).command]).toEqual([RUNYARD_COMMAND, RUNYARD_COMMAND]);
  expect(commandSetting({ RUNYARD_URL: 'nonsense' })).toBeUndefined();
  for (const read of [commandSetting, cliSettings, apiSettings]) expect(() => read({ RUNYARD_COMMAND: 'a\u001b[2J' })).toThrow('RUNYARD_COMMAND must be a command');
});

test('misspelt variables are found, those of other apps and empty ones are not', () => {
  const env = {
    RUNYARD_PROT: '1',
    RUNYARD_PORT_FILES: 'x',
    RUNYARD_EMPTY: '',
    RUNYARD_CAPACITY: '2',
    RUNYARD_API_KEY_FILE: '/x',
    RUNYARD_SECRET_GITHUB: 'x',
    HOME: '/root',
  };
  expect(unknownSettings(ApiEnvironment, env)).toEqual(['RUNYARD_PORT_FILES', 'RUNYARD_PROT']);
});

test('the host environment is a frozen copy', () => {
  const copy = hostEnvironment();
  expect(copy['PATH']).toBe(process.env['PATH']);
  expect(() => Object.assign(copy, { PATH: 'other' })).toThrow(TypeError);
});
