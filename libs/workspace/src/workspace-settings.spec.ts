// What a workspace's own Claude files may do: settings are left aside and listed, CLAUDE.md is handed over as text.
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryDirectory } from '@runyard/testing';
import { beforeEach, expect, test } from 'vitest';
import { prepareWorkspace } from './prepare-workspace.js';
import { MEMORY_LIMIT_BYTES } from './workspace-memory.js';

let base = '';
let path = '';

beforeEach(async () => {
  const directory = await temporaryDirectory();
  base = directory.path;
  path = join(base, 'repository');
  await mkdir(join(path, '.claude', 'agents'), { recursive: true });
  return () => directory.remove();
});

const prepare = (options: { trust?: 'none' | 'project'; memory?: boolean } = {}) =>
  prepareWorkspace({ type: 'directory', path, ...options }, { scratchParent: base, roots: [base] });

async function memoryOf(options = {}): Promise<string | undefined> {
  const ready = await prepare(options);
  if ('failure' in ready) throw new Error(ready.failure);
  return ready.memory;
}

test('settings that exist are listed as ignored, unless the project is trusted', async () => {
  await writeFile(join(path, '.claude', 'settings.json'), '{}');
  await writeFile(join(path, '.mcp.json'), '{}');
  await symlink('/nowhere', join(path, '.claude', 'settings.local.json'));
  const ignored = ['.mcp.json', '.claude/settings.json', '.claude/settings.local.json', '.claude/agents'];
  expect(await prepare()).toEqual({ path, ignored });
  expect(await prepare({ trust: 'none' })).toEqual({ path, ignored });
  expect(await prepare({ trust: 'project' })).toEqual({ path, ignored: [] });
});

test('all CLAUDE.md files of the directory are given, in the order of the CLI', async () => {
  await writeFile(join(path, 'CLAUDE.local.md'), 'third');
  await writeFile(join(path, '.claude', 'CLAUDE.md'), 'second');
  await writeFile(join(path, 'CLAUDE.md'), 'first @other.md');
  const memory = (await memoryOf()) ?? '';
  expect(memory.replace(/^.*\n\n/, '')).toBe(
    'Contents of CLAUDE.md:\n\nfirst @other.md\n\nContents of .claude/CLAUDE.md:\n\nsecond\n\nContents of CLAUDE.local.md:\n\nthird',
  );
});

test('no memory when it is not wanted, when the CLI reads it by itself, and when there is nothing in it', async () => {
  expect(await memoryOf()).toBeUndefined();
  await writeFile(join(path, 'CLAUDE.md'), ' \n');
  expect(await memoryOf()).toBeUndefined();
  await writeFile(join(path, 'CLAUDE.md'), 'text');
  expect(await memoryOf({ trust: 'project' })).toBeUndefined();
  expect(await prepare({ memory: false })).toEqual({ path, ignored: ['.claude/agents', 'CLAUDE.md'] });
});

test('a huge file is cut at the limit, between characters, and says so', async () => {
  await writeFile(join(path, 'CLAUDE.md'), `x${'é'.repeat(MEMORY_LIMIT_BYTES)}`);
  await writeFile(join(path, 'CLAUDE.local.md'), 'after the limit');
  const memory = (await memoryOf()) ?? '';
  expect(memory).toContain('é\n\n[cut here: CLAUDE.md is longer]');
  expect(memory).not.toContain('\ufffd');
  expect(Buffer.byteLength(memory)).toBeLessThan(MEMORY_LIMIT_BYTES + 1000);
});

test('links that lead out of the workspace, directories and pipes are no memory', async () => {
  await writeFile(join(base, 'outside.md'), 'outside');
  await symlink(join(base, 'outside.md'), join(path, 'CLAUDE.md'));
  await mkdir(join(path, 'CLAUDE.local.md'));
  execFileSync('mkfifo', [join(path, '.claude', 'CLAUDE.md')]);
  expect(await memoryOf()).toBeUndefined();
});

test('a link inside the workspace is followed', async () => {
  await writeFile(join(path, 'AGENTS.md'), 'shared text');
  await symlink('AGENTS.md', join(path, 'CLAUDE.md'));
  expect(await memoryOf()).toContain('shared text');
});
