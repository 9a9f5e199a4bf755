// Paths inside and outside a root, by their text.
import { expect, test } from 'vitest';
import { isBelow } from './is-below.js';

test.each([
  ['/root', '/root'],
  ['/root', '/root/'],
  ['/root/', '/root/a'],
  ['//root//', '/root/a/b'],
  ['/root', '/root/..a'],
  ['/root', '/root/a/../b'],
  ['/', '/anything'],
])('%s holds %s', (root, path) => {
  expect(isBelow(root, path)).toBe(true);
});

test.each([
  ['/root', '/root-evil'],
  ['/root', '/root/..'],
  ['/root', '/root/../root-evil'],
  ['/root/', '/roo'],
  ['/root', '/'],
  ['/root', 'root/a'],
  ['root', '/root/a'],
  ['/root', ''],
])('%s does not hold %s', (root, path) => {
  expect(isBelow(root, path)).toBe(false);
});
