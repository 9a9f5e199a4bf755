import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readPrompt, readSchema } from './read-prompt.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'read-prompt-'));
  await writeFile(join(directory, 'prompt.txt'), 'from file\n');
  await writeFile(join(directory, 'latin1.txt'), Buffer.from([0xe9, 0x20]));
  await writeFile(join(directory, 'list.json'), '[1]');
  await writeFile(join(directory, 'schema.json'), '{"type":"object"}');
});
afterAll(() => rm(directory, { recursive: true }));

const input = (...chunks: (string | Buffer)[]): Readable => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

test('words are joined; a file and standard input follow them', async () => {
  const rocket = Buffer.from('🚀');
  expect(await readPrompt(['fix', 'the bug'], undefined, input('unread'))).toBe('fix the bug');
  expect(await readPrompt(['review'], join(directory, 'prompt.txt'), input())).toBe('review\n\nfrom file\n');
  expect(await readPrompt(['review', '-'], undefined, input('diff ', rocket.subarray(0, 2), rocket.subarray(2)))).toBe('review\n\ndiff 🚀');
  expect(await readPrompt(['-'], undefined, input('only input'))).toBe('only input');
  expect(await readPrompt([], '-', input('only input'))).toBe('only input');
  expect(await readPrompt([], undefined, input('unread'))).toBe('');
});

test('what cannot be read says which and why', async () => {
  await expect(readPrompt([], join(directory, 'nowhere'), input())).rejects.toThrow(/nowhere \(ENOENT\)/);
  await expect(readPrompt([], directory, input())).rejects.toThrow(/EISDIR/);
  await expect(readPrompt([], join(directory, 'latin1.txt'), input())).rejects.toThrow(/is not UTF-8/);
  await expect(readPrompt(['-'], undefined, input(Buffer.from([0xff])))).rejects.toThrow(/standard input is not UTF-8/);
  await expect(readPrompt(['-'], undefined, Object.assign(input(), { isTTY: true }))).rejects.toThrow(/is the terminal/);
});

test('a schema is one JSON object', async () => {
  expect(await readSchema(join(directory, 'schema.json'))).toEqual({ type: 'object' });
  await expect(readSchema(join(directory, 'list.json'))).rejects.toThrow(/does not hold a JSON Schema/);
  await expect(readSchema(join(directory, 'prompt.txt'))).rejects.toThrow(/does not hold a JSON Schema/);
});
