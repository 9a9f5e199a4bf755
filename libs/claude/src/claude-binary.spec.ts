import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fakeClaude, temporaryDirectory } from '@runyard/testing';
import type { TemporaryDirectory } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claudeVersion, platformPackage, resolveClaudeBinary } from './claude-binary.js';

/** A busy machine is no failure. */
const LIMIT_MS = 60_000;
let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterAll(() => directory.remove());

async function packageAt(place: string, mode = 0o755): Promise<string> {
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'package.json'), '{}');
  await writeFile(join(place, 'claude'), '#!/bin/sh\necho "1.2.3 (Claude Code)"\n');
  await chmod(join(place, 'claude'), mode);
  return join(place, 'claude');
}

const from = (root: string) => pathToFileURL(join(root, 'index.js')).href;

test('the installed binary is found and tells its version', async () => {
  const binary = resolveClaudeBinary();
  if ('missing' in binary) throw new Error(binary.missing);
  expect(await claudeVersion(binary.path, LIMIT_MS)).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
});

test('the package of each platform', () => {
  expect(platformPackage('linux', 'arm64', false)).toBe('@anthropic-ai/claude-code-linux-arm64');
  expect(platformPackage('linux', 'x64', true)).toBe('@anthropic-ai/claude-code-linux-x64-musl');
  expect(platformPackage('darwin', 'arm64')).toBe('@anthropic-ai/claude-code-darwin-arm64');
});

test('hoisted beside the main package, or nested below it', async () => {
  const hoisted = join(directory.path, 'hoisted');
  const path = await packageAt(join(hoisted, 'node_modules', platformPackage()));
  expect(resolveClaudeBinary(undefined, from(hoisted))).toEqual({ path });
  const nested = join(directory.path, 'nested');
  const main = join(nested, 'node_modules', '@anthropic-ai', 'claude-code');
  await packageAt(main);
  const inner = await packageAt(join(main, 'node_modules', platformPackage()));
  expect(resolveClaudeBinary(undefined, from(nested))).toEqual({ path: inner });
});

test('what is missing is said with the next step', async () => {
  const empty = join(directory.path, 'empty');
  expect(resolveClaudeBinary(undefined, from(empty))).toEqual({ missing: expect.stringMatching(/claude-code-.* is not installed.*npm install/) });
  const broken = join(directory.path, 'broken');
  await packageAt(join(broken, 'node_modules', platformPackage()), 0o644);
  expect(resolveClaudeBinary('', from(broken))).toEqual({ missing: expect.stringMatching(/is not executable.*npm install/) });
});

test('a path given by the operator is the only one tried', () => {
  expect(resolveClaudeBinary(fakeClaude('answers-plainly'))).toEqual({ path: fakeClaude('answers-plainly') });
  expect(resolveClaudeBinary('/no/such/claude')).toEqual({ missing: expect.stringMatching(/RUNYARD_CLAUDE_BIN.*\/no\/such\/claude.*does not exist/) });
  expect(resolveClaudeBinary(directory.path)).toEqual({ missing: expect.stringContaining('is not a file') });
});

test('a program that is no claude says no version', async () => {
  const path = join(directory.path, 'other');
  await writeFile(path, '#!/bin/sh\necho "what?" >&2\nexit 3\n', { mode: 0o755 });
  expect(await claudeVersion(path, LIMIT_MS)).toEqual({ failed: 'what?' });
  expect(await claudeVersion('/no/such/claude')).toEqual({ failed: expect.stringContaining('ENOENT') });
});
