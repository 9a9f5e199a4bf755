// Workspaces on a real file system: scratch directories, allowed roots and every way around them that we know.
import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareWorkspace } from './prepare-workspace.js';

let directories: TemporaryDirectory;
let base = '';
let root = '';

beforeAll(async () => {
  directories = await temporaryDirectory();
  base = directories.path;
  root = join(base, 'root');
  await mkdir(join(root, 'inside', 'deep'), { recursive: true });
  await mkdir(join(base, 'root-evil', 'deep'), { recursive: true });
  await writeFile(join(root, 'file'), '');
  await symlink(join(base, 'root-evil'), join(root, 'link-out'));
  await symlink(join(root, 'inside'), join(root, 'link-in'));
  await symlink(join(root, 'circle'), join(root, 'circle'));
  await symlink(root, join(base, 'root-by-link'));
});

afterAll(() => directories.remove());

const directory = (path: string, roots = [root]) => prepareWorkspace({ type: 'directory', path }, { scratchParent: join(base, 'run'), roots });

test('a scratch workspace is an empty directory that only its owner may read', async () => {
  const ready = await prepareWorkspace({ type: 'scratch' }, { scratchParent: join(base, 'runs', 'run_1'), roots: [] });
  expect(ready).toEqual({ path: join(base, 'runs', 'run_1', 'workspace'), ignored: [] });
  expect(await readdir(join(base, 'runs', 'run_1', 'workspace'))).toEqual([]);
  expect((await stat(join(base, 'runs', 'run_1', 'workspace'))).mode & 0o777).toBe(0o700);
});

test('a scratch workspace that cannot be made is a failure with its reason', async () => {
  const ready = await prepareWorkspace({ type: 'scratch' }, { scratchParent: join(root, 'file', 'run_1'), roots: [] });
  expect(ready).toEqual({ failure: expect.stringContaining('a part of its path is not a directory') });
});

test.each([
  ['a directory below the root', () => join(root, 'inside'), 'inside'],
  ['a deeper one', () => join(root, 'inside', 'deep'), 'inside/deep'],
  ['the root itself', () => root, '.'],
  ['a link that stays inside', () => join(root, 'link-in', 'deep'), 'inside/deep'],
  ['a way through .. that stays inside', () => `${root}/inside/../inside//deep/`, 'inside/deep'],
])('%s is allowed and resolved', async (_, path, expected) => {
  expect(await directory(path())).toEqual({ path: join(root, expected), ignored: [] });
});

test.each([
  ['with a trailing slash', () => `${root}/`],
  ['with doubled slashes', () => `//${root}//`],
  ['through a link', () => join(base, 'root-by-link')],
])('a root given %s still holds its directories, and only them', async (_, given) => {
  expect(await directory(join(root, 'inside'), [given()])).toMatchObject({ path: join(root, 'inside') });
  expect(await directory(join(base, 'root-evil'), [given()])).toEqual({ failure: expect.stringContaining('outside') });
});

test.each([
  ['by ..', () => `${root}/../root-evil`],
  ['by .. below a real directory', () => `${root}/inside/../../root-evil/deep`],
  ['by a link at the end', () => join(root, 'link-out')],
  ['by a link in the middle', () => join(root, 'link-out', 'deep')],
  ['by .. after a link', () => `${root}/link-out/../root-evil`],
  ['by a sibling with the same beginning', () => join(base, 'root-evil')],
  ['by the parent of the root', () => base],
  ['by a path that does not exist', () => join(base, 'nowhere')],
])('outside %s is refused', async (_, path) => {
  const result = await directory(path());
  expect(result).toEqual({ failure: expect.stringMatching(/ is outside the directories that RUNYARD_WORKSPACES allows$/) });
});

test.each([
  ['a file', () => join(root, 'file'), 'is not a directory'],
  ['something missing', () => join(root, 'missing'), 'it does not exist on the worker'],
  ['a path through a file', () => join(root, 'file', 'x'), 'a part of its path is not a directory'],
  ['a circle of links', () => join(root, 'circle'), 'go in a circle'],
  ['a relative path', () => 'inside', 'not absolute'],
  ['a path with NUL', () => `${root}/inside\0/etc`, 'not absolute'],
  ['an endless path', () => `${root}/${'x'.repeat(5000)}`, 'too long'],
])('%s is refused with its reason', async (_, path, reason) => {
  expect(await directory(path())).toEqual({ failure: expect.stringContaining(reason) });
});

test('without roots no directory is allowed, and a root that does not exist holds nothing', async () => {
  expect(await directory(join(root, 'inside'), [])).toEqual({ failure: expect.stringContaining('RUNYARD_WORKSPACES is empty') });
  expect(await directory(join(root, 'inside'), [join(base, 'gone')])).toEqual({ failure: expect.stringContaining('outside') });
});

test('a directory that the worker may not write is refused; root may write everywhere', async () => {
  const path = join(root, 'read-only');
  await mkdir(path);
  await chmod(path, 0o500);
  const expected = process.getuid?.() === 0 ? { path, ignored: [] } : { failure: expect.stringContaining('may not write') };
  expect(await directory(path)).toEqual(expected);
});
