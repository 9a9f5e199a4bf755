// Values of secrets are found in every way in which they may be written, and lines stay what they are.
import { expect, test } from 'vitest';
import { SecretRedactor } from './secret-redactor.js';

const TRICKY = 'a"b\\c\nd é😀 end';
const KEY = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----';
const redactor = new SecretRedactor(new Map([['TRICKY', TRICKY], ['KEY', KEY], ['NUMBER', '1234567890'], ['LONG', 'token-12345678'], ['LONGER', 'token-12345678-more'], ['WORD', 'assistant'], ['SHORT', 'abc']]));
const line = (message: unknown) => JSON.parse(redactor.line(Buffer.from(JSON.stringify(message))).toString('utf8')) as unknown;

test('texts: every value of at least 8 characters, the longer one first', () => {
  expect(redactor.text(`x ${TRICKY} y ${JSON.stringify(TRICKY)}`)).toBe('x [redacted] y "[redacted]"');
  expect(redactor.text('token-12345678-more token-12345678 abc')).toBe('[redacted] [redacted] abc');
});

test('the lines of a value of several lines count by themselves', () => {
  expect(redactor.text('   2\tMIIEvQIBADANBgkqhkiG9w0B')).toBe('   2\t[redacted]');
});

test('lines: at any depth of texts within texts', () => {
  const nested = JSON.stringify({ stdout: JSON.stringify({ value: TRICKY }) });
  expect(line({ type: 'user', content: [{ text: TRICKY }, { text: nested }] })).toEqual({
    type: 'user',
    content: [{ text: '[redacted]' }, { text: JSON.stringify({ stdout: JSON.stringify({ value: '[redacted]' }) }) }],
  });
});

test('lines: numbers and keys too, and the type of a message stays readable', () => {
  expect(line({ type: 'assistant', subtype: 'assistant', pin: 1234567890, more: 12345678901, 'token-12345678': 'assistant' })).toEqual({
    type: 'assistant', subtype: 'assistant', pin: '[redacted]', more: 12345678901, '[redacted]': '[redacted]',
  });
});

test('a line without a secret is the same buffer, byte for byte', () => {
  const plain = Buffer.from('{"type":"x",  "a":1.0}');
  expect(redactor.line(plain)).toBe(plain);
  expect(redactor.whole(plain)).toBe(plain);
});

test('a line that is no JSON', () => {
  expect(redactor.line(Buffer.from('oops token-12345678')).toString()).toBe('oops [redacted]');
});

test('bytes that are no text stay as they are', () => {
  const content = Buffer.concat([Buffer.of(0xff, 0x00), Buffer.from(`é ${TRICKY}`), Buffer.of(0xfe)]);
  expect(redactor.whole(content)).toEqual(Buffer.concat([Buffer.of(0xff, 0x00), Buffer.from('é [redacted]'), Buffer.of(0xfe)]));
});

test('without secrets there is nothing to do', () => {
  const none = new SecretRedactor(new Map([['SHORT', 'abc']]));
  expect([none.active, none.text('abc')]).toEqual([false, 'abc']);
  expect(redactor.active).toBe(true);
});
