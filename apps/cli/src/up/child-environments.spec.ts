import { expect, test } from 'vitest';
import { apiEnvironment, DEMO_KEY, demoEnvironment, workerEnvironment } from './child-environments.js';
import { modelCredential } from './credentials.js';

const facts = {
  dataDir: '/data', redisUrl: 'unix:///data/redis.sock', host: '127.0.0.1', port: 8080, workerHost: '127.0.0.1', workerPort: 8081,
  workspaceRoots: ['/home/ada', '/srv'], demoUrl: undefined,
};
const base = {
  PATH: '/bin', HOME: '/home/ada', ANTHROPIC_API_KEY: 'sk-real', ANTHROPIC_BASE_URL: 'http://gateway', CLAUDE_CODE_OAUTH_TOKEN: 'oat', RUNYARD_SECRET_X: 's',
  RUNYARD_API_KEY: 'a'.repeat(20), RUNYARD_CAPACITY: '2', REDIS_URL: 'redis://other', REDIS_URL_FILE: '/f', RUNYARD_DATA_DIR_FILE: '/g', RUNYARD_PORT_FILE: '/h', EMPTY: undefined,
};

test('the API gets no model key and no secret', () => {
  expect(apiEnvironment(base, facts)).toEqual({
    PATH: '/bin', HOME: '/home/ada', RUNYARD_API_KEY: 'a'.repeat(20), RUNYARD_CAPACITY: '2', REDIS_URL: 'unix:///data/redis.sock', RUNYARD_DATA_DIR: '/data',
    RUNYARD_HOST: '127.0.0.1', RUNYARD_PORT: '8080', RUNYARD_WORKSPACES: '/home/ada:/srv', RUNYARD_PARENT_PIPE: '1',
  });
});

test('the worker gets the model and its address as given, and no key of the API', () => {
  const env = workerEnvironment(base, facts);
  expect(env).toMatchObject({ ANTHROPIC_API_KEY: 'sk-real', ANTHROPIC_BASE_URL: 'http://gateway', CLAUDE_CODE_OAUTH_TOKEN: 'oat', RUNYARD_SECRET_X: 's', RUNYARD_WORKER_PORT: '8081' });
  expect(Object.keys(env).filter((name) => /API_KEY|REDIS_URL_FILE|DATA_DIR_FILE/.test(name))).toEqual(['ANTHROPIC_API_KEY']);
});

test('the demo model stands in for Claude, past any proxy', () => {
  const demo = { ...facts, demoUrl: 'http://127.0.0.1:5' };
  expect(workerEnvironment({ NO_PROXY: 'corp' }, demo)).toMatchObject({ ANTHROPIC_BASE_URL: 'http://127.0.0.1:5', ANTHROPIC_API_KEY: DEMO_KEY, NO_PROXY: 'corp,127.0.0.1', no_proxy: '127.0.0.1' });
  expect(apiEnvironment({}, demo)['RUNYARD_DEMO']).toBe('1');
  expect(apiEnvironment({}, facts)['RUNYARD_DEMO']).toBeUndefined();
  expect(demoEnvironment(base, 5)).toMatchObject({ RUNYARD_DEMO_PORT: '5', RUNYARD_DEMO_PARENT_PIPE: '1' });
  expect(demoEnvironment(base, 5)['ANTHROPIC_API_KEY']).toBeUndefined();
});

test.each([
  [{}, undefined],
  [{ ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: ' ' }, undefined],
  [{ ANTHROPIC_BASE_URL: 'http://gateway' }, undefined],
  [{ ANTHROPIC_API_KEY: 'k' }, 'ANTHROPIC_API_KEY'],
  [{ ANTHROPIC_AUTH_TOKEN: 't' }, 'ANTHROPIC_AUTH_TOKEN'],
  [{ CLAUDE_CODE_OAUTH_TOKEN: 't' }, 'CLAUDE_CODE_OAUTH_TOKEN'],
  [{ CLAUDE_CODE_USE_BEDROCK: '1' }, 'CLAUDE_CODE_USE_BEDROCK'],
  [{ CLAUDE_CODE_USE_VERTEX: 'true' }, 'CLAUDE_CODE_USE_VERTEX'],
  [{ CLAUDE_CODE_USE_FOUNDRY: '1' }, 'CLAUDE_CODE_USE_FOUNDRY'],
  [{ CLAUDE_CODE_USE_BEDROCK: '0' }, undefined],
])('the credential of %j is %j', (env, expected) => {
  expect(modelCredential(env)).toBe(expected);
});
