import { expect, test } from 'vitest';
import { buildEnvironment } from './environment.js';
import type { EnvironmentInput } from './environment.js';

const input: EnvironmentInput = { hostEnv: {}, home: '/run/home', configDir: '/run/config', tmpDir: '/run/tmp', mark: 'run_1.1', maxRetries: 4, apiTimeoutMs: 120_000 };
const decided = {
  HOME: '/run/home',
  CLAUDE_CONFIG_DIR: '/run/config',
  TMPDIR: '/run/tmp',
  CLAUDE_CODE_TMPDIR: '/run/tmp',
  CLAUDE_CODE_MAX_RETRIES: '4',
  API_TIMEOUT_MS: '120000',
  CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_AUTOUPDATER: '1',
  RUNYARD_RUN_MARK: 'run_1.1',
};

test('an empty host gives what we decide and a PATH', () => {
  expect(buildEnvironment(input)).toEqual({ PATH: '/usr/local/bin:/usr/bin:/bin', ...decided });
});

test('the list is let through, nothing else is', () => {
  const wanted = {
    PATH: '/opt/bin',
    LANG: 'C.UTF-8',
    LC_ALL: 'C',
    TZ: 'Europe/Berlin',
    SSL_CERT_FILE: '/ca.pem',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    HTTPS_PROXY: 'http://proxy:3128',
    no_proxy: 'localhost',
    ANTHROPIC_API_KEY: 'key',
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:1',
    ANTHROPIC_CUSTOM_HEADERS: 'x: y',
    CLAUDE_CODE_OAUTH_TOKEN: 'token',
    CLAUDE_CODE_USE_VERTEX: '0',
    BASH_MAX_TIMEOUT_MS: '1',
  };
  const unwanted = {
    RUNYARD_API_KEY: 'secret',
    RUNYARD_SECRET_X: 'secret',
    RUNYARD_RUN_MARK: 'of another run',
    REDIS_URL: 'redis://:secret@host',
    AWS_SECRET_ACCESS_KEY: 'secret',
    GOOGLE_APPLICATION_CREDENTIALS: '/secret',
    SSH_AUTH_SOCK: '/agent',
    NPM_TOKEN: 'secret',
    NODE_OPTIONS: '--inspect',
    LD_PRELOAD: '/evil.so',
    CLAUDECODE: '1',
    CLAUDE_CODE_SESSION_ID: 'of an outer session',
    CLAUDE_CODE_MESSAGING_TOKEN: 'secret',
    CLAUDE_CONFIG_DIR: '/home/me/.claude',
    HOME: '/home/me',
    API_TIMEOUT_MS: '1',
    BASH_ENV: '/evil.sh',
  };
  expect(buildEnvironment({ ...input, hostEnv: { ...wanted, ...unwanted } })).toEqual({ ...wanted, ...decided });
});

test('empty values count as absent', () => {
  expect(buildEnvironment({ ...input, hostEnv: { ANTHROPIC_API_KEY: '', PATH: '', LANG: undefined } })).toEqual({ PATH: '/usr/local/bin:/usr/bin:/bin', ...decided });
});

test.each([
  ['CLAUDE_CODE_USE_BEDROCK', { AWS_REGION: 'eu-central-1', AWS_SECRET_ACCESS_KEY: 's' }],
  ['CLAUDE_CODE_USE_VERTEX', { GOOGLE_APPLICATION_CREDENTIALS: '/c.json', CLOUD_ML_REGION: 'europe-west1', VERTEX_REGION_CLAUDE_4: 'x' }],
  ['CLAUDE_CODE_USE_FOUNDRY', { AZURE_CLIENT_SECRET: 's' }],
])('%s brings the variables of its provider and of no other', (flag, variables) => {
  const others = { AWS_PROFILE: 'p', GOOGLE_CLOUD_PROJECT: 'p', AZURE_TENANT_ID: 't' };
  const built = buildEnvironment({ ...input, hostEnv: { ...others, ...variables, [flag]: 'true' } });
  expect(built).toMatchObject({ ...variables, [flag]: 'true' });
  expect(Object.keys(others).filter((name) => name in built)).toHaveLength(1);
});

test('extra wins over the host and never over what keeps a run in its place', () => {
  const built = buildEnvironment({ ...input, hostEnv: { ANTHROPIC_API_KEY: 'host' }, extra: { ANTHROPIC_API_KEY: 'run', GREETING: 'hi', HOME: '/', RUNYARD_RUN_MARK: 'x' } });
  expect(built).toEqual({ PATH: '/usr/local/bin:/usr/bin:/bin', ANTHROPIC_API_KEY: 'run', GREETING: 'hi', ...decided });
});

test('scrubbing is a choice', () => {
  expect(buildEnvironment({ ...input, scrubSubprocesses: true })).toHaveProperty('CLAUDE_CODE_SUBPROCESS_ENV_SCRUB', '1');
});

test('no run without a mark', () => {
  expect(() => buildEnvironment({ ...input, mark: '' })).toThrow(RangeError);
});
