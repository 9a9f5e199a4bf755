// Log lines are JSON with known fields, and a planted secret never reaches them, wherever it stands.
import { expect, test } from 'vitest';
import { createLogger } from './logger.js';
import type { Logger } from './logger.js';
import { redactSecrets } from './redact.js';

/** The lines that `write` logs, parsed, and as one text. */
function logged(write: (log: Logger) => void, level = 'info'): { lines: Record<string, unknown>[]; text: string } {
  const lines: string[] = [];
  write(createLogger({ name: 'api', level, destination: { write: (line: string) => void lines.push(line) } }));
  return { lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>), text: lines.join('') };
}

test('a line has time, level, name and msg, and ends in one newline', () => {
  const { lines, text } = logged((log) => log.child({ run_id: 'run_1' }).warn({ attempt: 2 }, 'lease lost'));
  expect(lines).toEqual([
    { time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), level: 'warn', name: 'api', run_id: 'run_1', attempt: 2, msg: 'lease lost' },
  ]);
  expect(text).toMatch(/^[^\n]+\n$/);
});

test('lines below the level are not written', () => {
  const { lines } = logged((log) => {
    log.info('no');
    log.error('yes');
  }, 'error');
  expect(lines.map((line) => line['msg'])).toEqual(['yes']);
});

// Put together here, so that no scanner takes them for real ones.
const plain = 'abcdefghij0123456789ABCDEFGHIJ0123456789';
const secrets = {
  anthropic: `sk-ant-api03-${plain}`,
  oauth: `sk-ant-oat01-${plain}`,
  github: `ghp_${plain}`,
  githubFine: `github_pat_11${plain}`,
  gitlab: `glpat-${plain}`,
  slack: `xoxb-1234567890-${plain}`,
  slackApp: `xapp-1-${plain}`,
  npm: `npm_${plain}`,
  aws: `AKIA${'Z'.repeat(16)}`,
  google: `AIza${plain}`,
  jwt: `eyJhbGciOiJIUzI1NiJ9.${plain}.${plain}`,
  pem: `-----BEGIN RSA PRIVATE KEY-----\n${plain}\n-----END RSA PRIVATE KEY-----`,
};

test.each(Object.entries(secrets))('%s is removed from messages, fields, arrays, errors and keys of children', (_, secret) => {
  const core = secret.includes('\n') ? plain : secret;
  const { lines, text } = logged((log) => {
    log.info(`before ${secret} after`);
    log.info({ a: { b: [{ c: secret }] } }, 'deep');
    log.error(new Error(`failed with ${secret}`));
    log.child({ bound: secret }).info('child');
    log.info('%s and %j', secret, { nested: secret });
    log.info({ body: JSON.stringify({ inner: secret }) }, 'JSON in a string');
  });
  expect(lines).toHaveLength(6);
  expect(lines[0]?.['msg']).toBe('before [redacted] after');
  expect(text).not.toContain(core);
});

test.each([
  'authorization', 'Authorization', 'cookie', 'set-cookie', 'x-api-key', 'api_key', 'apiKey', 'ANTHROPIC_API_KEY', 'key', 'password',
  'redis_password', 'client_secret', 'access_token', 'accessToken', 'CLAUDE_CODE_OAUTH_TOKEN', 'prompt', 'append_system_prompt',
])('a field named %s is hidden at any depth, alone, in an array, and in JSON inside a string', (name) => {
  const { lines, text } = logged((log) => {
    log.info({ [name]: 'plain "quoted\\ value' }, 'top');
    log.info({ req: { headers: { [name]: 'plain value', other: 'stays' } } }, 'deep');
    log.info({ [name]: ['plain one', 'plain "two'], other: 'stays' }, 'array');
    log.info({ body: JSON.stringify({ [name]: 'plain value', other: 'stays' }) }, 'text');
  });
  expect(text).not.toMatch(/plain|quoted|two/);
  expect(lines[0]).toMatchObject({ [name]: '[redacted]', msg: 'top' });
  expect(lines[1]).toMatchObject({ req: { headers: { [name]: '[redacted]', other: 'stays' } } });
  expect(lines[2]).toMatchObject({ [name]: '[redacted]', other: 'stays' });
  expect(JSON.parse(String(lines[3]?.['body']))).toEqual({ [name]: '[redacted]', other: 'stays' });
});

test('ordinary words, ids and counts stay', () => {
  const fields = { input_tokens: 3, output_tokens: 4, run_id: `run_${plain}`, key_id: 'key_1', max_tokens: 5, path: '/v1/keys', prompt_bytes: 7 };
  const { lines } = logged((log) => log.info(fields, 'the task is done: see risk-assessment, desk-1, http://host:8080/a@b'));
  expect(lines[0]).toMatchObject({ ...fields, msg: 'the task is done: see risk-assessment, desk-1, http://host:8080/a@b' });
});

test('what authorises in free text is removed, the rest of the text is not', () => {
  expect(redactSecrets(`curl -H "Authorization: Bearer ${plain}" http://x/`)).toBe('curl -H "Authorization: Bearer [redacted]" http://x/');
  expect(redactSecrets('Authorization: Basic dXNlcjpwYXNz end')).toBe('Authorization: Basic [redacted] end');
  expect(redactSecrets('redis://:hunter2@cache:6379/1 and https://me:pw@git.example/x')).toBe(
    'redis://:[redacted]@cache:6379/1 and https://me:[redacted]@git.example/x',
  );
});

test('a hostile megabyte is handled', () => {
  for (const piece of ['sk-', '://a:', 'eyJ.', '\\"key\\":\\"', '"key":"', '-----BEGIN PRIVATE KEY-----', 'Bearer  ', '\\']) {
    const text = piece.repeat(1_000_000 / piece.length);
    const { lines } = logged((log) => log.info({ text }, 'long'));
    expect(lines[0]?.['msg']).toBe('long');
  }
});
