// The page about the markers names every one of them, as it is written here.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { knownMarkers } from './known-markers.js';

const page = readFileSync(join(import.meta.dirname, '../../../docs/demo-model.md'), 'utf8');

test.each([...knownMarkers.values()])('docs/demo-model.md tells $usage', ({ usage }) => {
  expect(page).toContain(`\`${usage}\``);
});

test('and no other', () => {
  const told = [...page.matchAll(/^\| `\[\[([a-z_]+)/gm)].map((match) => match[1]);
  expect(told.toSorted()).toEqual([...knownMarkers.keys()].toSorted());
});
