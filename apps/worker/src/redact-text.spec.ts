// Credentials of the worker do not reach a run's log.
import { expect, test } from 'vitest';
import { credentialRedactor } from './redact-text.js';

test('values of credential variables are replaced, others stay', () => {
  const redact = credentialRedactor({
    ANTHROPIC_API_KEY: 'sk-ant-12345678',
    ANTHROPIC_CUSTOM_HEADERS: 'x-key: sk-ant-12345678-long',
    AWS_SECRET_ACCESS_KEY: 'aws/secret+1',
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:1',
    SHORT_TOKEN: 'abc',
  });
  expect(redact('key sk-ant-12345678, again sk-ant-12345678')).toBe('key [redacted], again [redacted]');
  expect(redact('(x-key: sk-ant-12345678-long)')).toBe('([redacted])');
  expect(redact('aws/secret+1 abc http://127.0.0.1:1')).toBe('[redacted] abc http://127.0.0.1:1');
});
