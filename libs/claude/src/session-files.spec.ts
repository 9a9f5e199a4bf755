import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeProjectDir, restoreTranscript, saveTranscript } from './session-files.js';
import { repairTranscript } from './transcript-repair.js';

const UUID = '11111111-1111-4111-8111-111111111111';
const FILE = `${UUID}.jsonl`;
let directory: TemporaryDirectory;
const at = (...parts: string[]) => join(directory.path, ...parts);

beforeEach(async () => {
  directory = await temporaryDirectory();
  await mkdir(at('cwd'));
});
afterEach(() => directory.remove());

async function put(path: string, content: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
}

test('the folder names that the CLI makes', () => {
  expect(encodeProjectDir('/w/repo.x_y/sub dir')).toBe('-w-repo-x-y-sub-dir');
  expect(encodeProjectDir('/tmp/üñ🙂')).toBe('-tmp-----');
  const long = `/tmp/exp/${'long-directory-name-'.repeat(12)}/x`;
  const expected = `-tmp-exp-${'long-directory-name-'.repeat(12)}`.slice(0, 200);
  expect(encodeProjectDir(long), 'as written by 2.1.330').toBe(`${expected}-q18cu`);
});

test('saved from whatever folder it lies in, restored where the next process looks, large results included', async () => {
  await put(at('config', 'projects', '-some-other-folder', FILE), '{"a":1}\n{"b":2}\n');
  await put(at('config', 'projects', '-some-other-folder', UUID, 'tool-results', 'x.txt'), 'big');
  expect(await saveTranscript({ configDir: at('config'), sessionUuid: UUID }, at('saved'))).toBe(true);
  expect((await readdir(at('saved'))).toSorted()).toEqual([UUID, FILE].toSorted());

  const place = { configDir: at('elsewhere'), cwd: at('cwd'), sessionUuid: UUID };
  expect(await restoreTranscript(at('saved'), place)).toBe(true);
  const project = at('elsewhere', 'projects', encodeProjectDir(at('cwd')));
  expect(await readFile(join(project, FILE), 'utf8')).toBe('{"a":1}\n{"b":2}\n');
  expect(await readFile(join(project, UUID, 'tool-results', 'x.txt'), 'utf8')).toBe('big');
  expect((await readdir(project)).toSorted(), 'no drafts are left').toEqual([UUID, FILE].toSorted());
});

test('saving again replaces the transcript and its results', async () => {
  const place = { configDir: at('config'), sessionUuid: UUID };
  await put(at('config', 'projects', 'p', FILE), 'old\n');
  await put(at('config', 'projects', 'p', UUID, 'old.txt'), '');
  await saveTranscript(place, at('saved'));
  await put(at('config', 'projects', 'q', FILE), 'new\n');
  await put(at('config', 'projects', 'q', UUID, 'new.txt'), '');
  await utimes(at('config', 'projects', 'p', FILE), 1, 1);
  await saveTranscript(place, at('saved'));
  expect(await readFile(at('saved', FILE), 'utf8'), 'the one written last').toBe('new\n');
  expect(await readdir(at('saved', UUID))).toEqual(['new.txt']);
});

test('nothing to save, nothing to restore', async () => {
  expect(await saveTranscript({ configDir: at('config'), sessionUuid: UUID }, at('saved'))).toBe(false);
  expect(await restoreTranscript(at('saved'), { configDir: at('config'), cwd: at('cwd'), sessionUuid: UUID })).toBe(false);
  await mkdir(at('saved'));
  expect(await restoreTranscript(at('saved'), { configDir: at('config'), cwd: at('cwd'), sessionUuid: UUID })).toBe(false);
});

test('a symbolic link as working directory: the CLI goes by the real path', async () => {
  await symlink(at('cwd'), at('link'));
  await put(at('saved', FILE), '{}\n');
  await restoreTranscript(at('saved'), { configDir: at('config'), cwd: at('link'), sessionUuid: UUID });
  expect(await readdir(at('config', 'projects'))).toEqual([encodeProjectDir(at('cwd'))]);
});

test('the saved transcript stays as it is; only the copy is repaired', async () => {
  await put(at('saved', FILE), '{"a":1}\n{"torn":');
  await restoreTranscript(at('saved'), { configDir: at('config'), cwd: at('cwd'), sessionUuid: UUID });
  expect(await readFile(at('saved', FILE), 'utf8')).toBe('{"a":1}\n{"torn":');
  expect(await readFile(at('config', 'projects', encodeProjectDir(at('cwd')), FILE), 'utf8')).toBe('{"a":1}\n');
});

const long = JSON.stringify({ text: 'ü'.repeat(200_000) });
test.each([
  ['whole', '{"a":1}\n{"b":2}\n', '{"a":1}\n{"b":2}\n'],
  ['torn', '{"a":1}\n{"b":', '{"a":1}\n'],
  ['without its newline', '{"a":1}\n{"b":2}', '{"a":1}\n{"b":2}\n'],
  ['zeros after a power cut', '{"a":1}\n\0\0\0\0', '{"a":1}\n'],
  ['several broken lines', '{"a":1}\nx\n\n{"b', '{"a":1}\n'],
  ['nothing whole', '{"a":', ''],
  ['empty', '', ''],
  ['a long last line', `{"a":1}\n${long}\n`, `{"a":1}\n${long}\n`],
  ['a long torn line', `${long}\n${long.slice(0, -1)}`, `${long}\n`],
])('repair of a transcript: %s', async (_, before, after) => {
  await writeFile(at('t.jsonl'), before);
  await repairTranscript(at('t.jsonl'));
  expect(await readFile(at('t.jsonl'), 'utf8')).toBe(after);
});
