// What the API can say about a directory before a worker has seen it.
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workspacePathFault } from './workspace-path.js';

let dir: TemporaryDirectory;
beforeAll(async () => {
  dir = await temporaryDirectory();
  await Promise.all(['a/in', 'b', 'a-evil', 'elsewhere'].map((path) => mkdir(`${dir.path}/${path}`, { recursive: true })));
  await writeFile(`${dir.path}/a/file`, '');
  await symlink(`${dir.path}/a`, `${dir.path}/alias`);
  await symlink(`${dir.path}/elsewhere`, `${dir.path}/a/out`);
  await symlink(`${dir.path}/b`, `${dir.path}/a/to-b`);
  await symlink('in', `${dir.path}/a/to-in`);
  await symlink(`${dir.path}/nowhere`, `${dir.path}/a/dangling`);
});
afterAll(() => dir.remove());

const fault = (path: string, roots: readonly string[]): Promise<string | undefined> =>
  workspacePathFault(`${dir.path}/${path}`, roots.map((root) => `${dir.path}/${root}`));

test.each([
  ['a', ['a']], ['a/', ['a']], ['a/in', ['a/']], ['a//in/.', ['a']], ['a/to-in', ['a']], ['b', ['a', 'b']],
  ['a/to-b', ['a', 'b']], // the link leaves one root and ends in another
  ['alias/in', ['alias']], ['a/in', ['alias']], ['alias/to-in', ['alias', 'a']],
])('%s is below %j', async (path, roots) => {
  expect(await fault(path, roots)).toBeUndefined();
});

test.each([
  ['a/../elsewhere', ['a'], '".."'], ['a/in/../in', ['a'], '".."'], ['a/out', ['a'], 'must lie below'], ['a/out/x', ['a'], 'does not exist'], ['a/to-b', ['a'], 'must lie below'], ['a-evil', ['a'], 'must lie below'],
  ['', ['a'], 'must lie below'], ['alias', ['b'], 'must lie below'], ['a/none', ['a'], 'does not exist'], ['a/file', ['a'], 'must be a directory'], ['a/file/x', ['a'], 'does not exist'], ['a/dangling', ['a'], 'does not exist'],
])('%s is not below %j', async (path, roots, reason) => {
  expect(await fault(path, roots)).toContain(reason);
});

test('without roots nothing is allowed, and the fix is named', async () => {
  expect(await workspacePathFault('/srv', [])).toMatch(/set RUNYARD_WORKSPACES/);
});

test('roots that only the workers have are left to them, as far as the text of the path goes', async () => {
  expect(await fault('only-there/project', ['only-there'])).toBeUndefined();
  expect(await fault('only-there/../a', ['only-there'])).toContain('".."');
  expect(await fault('only-there-evil', ['only-there'])).toContain('must lie below');
});

test.each(['relative', './a', '', 'a/../b'])('%j is not absolute', async (path) => {
  expect(await workspacePathFault(path, ['/'])).toContain('absolute');
});
