// The link node_modules/.bin/node is right after ensurePinnedNode, or the message says what to do.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensurePinnedNode } from './pinned-node.mjs';

let root = '';
let link = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'runyard-node-'));
  link = join(root, 'node_modules', '.bin', 'node');
  mkdirSync(dirname(link), { recursive: true });
  writeFileSync(join(root, 'package.json'), JSON.stringify({ optionalDependencies: { 'node-here': '24', 'node-there': '24', other: '1' } }));
});
afterEach(() => rmSync(root, { recursive: true }));

function program(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
  return path;
}

function packagedNode(name: string, version: string): string {
  return program(join(root, 'node_modules', name, 'bin', 'node'), version);
}

const old = { version: 'v20.19.0', execPath: '/nowhere/node' };

test('a link that npm left out is made', () => {
  const node = packagedNode('node-here', 'v24.1.0');
  expect(ensurePinnedNode(root, old)).toBeNull();
  expect(realpathSync(link)).toBe(realpathSync(node));
  expect(ensurePinnedNode(root, old)).toBeNull();
});

test.each(['v22.0.0', 'broken', 'dangling'])('a link to the wrong thing (%s) is replaced', (kind) => {
  packagedNode('node-there', 'v24.1.0');
  if (kind === 'dangling') symlinkSync(join(root, 'gone'), link);
  else program(link, kind === 'broken' ? '; exit 1' : kind);
  expect(ensurePinnedNode(root, old)).toBeNull();
  expect(execFileSync(link, ['--version'], { encoding: 'utf8' })).toBe('v24.1.0\n');
});

test('a package that does not run here gives way to the Node 24 of the machine', () => {
  program(join(root, 'node_modules', 'node-here', 'bin', 'node'), '; exit 1');
  const own = program(join(root, 'own', 'node'), 'v24.9.9');
  expect(ensurePinnedNode(root, { version: 'v24.9.9', execPath: own })).toBeNull();
  expect(realpathSync(link)).toBe(realpathSync(own));
});

test('without any Node 24 the message names the fix, and no link is made', () => {
  packagedNode('other', 'v24.1.0');
  packagedNode('node-here', 'v25.0.0');
  expect(ensurePinnedNode(root, old)).toMatch(/there is no Node 24 for .+\nTry: npm install --include=optional\nOr install Node 24 .+ instead of v20\.19\.0/);
  expect(existsSync(link)).toBe(false);
});
