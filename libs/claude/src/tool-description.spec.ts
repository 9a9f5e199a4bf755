// Words about tools: short, in one line, and never half a character.
import { expect, test } from 'vitest';
import { describeTool, shorten } from './tool-description.js';

test.each([
  ['Bash', { command: 'npm test', description: 'Run' }, 'Bash: npm test'],
  ['Edit', { file_path: '/w/a.ts', old_string: 'x' }, 'Edit: /w/a.ts'],
  ['mcp__db__run', { id: 7 }, 'mcp__db__run: {"id":7}'],
  ['TaskList', {}, 'TaskList'],
  ['Bash', { command: ' a \n b ' }, 'Bash: a b'],
  ['Grep', { pattern: '', path: '/w' }, 'Grep: /w'],
])('%s %j → %s', (name, input, description) => {
  expect(describeTool({ name, input })).toBe(description);
});

test('a text is shortened by bytes, between characters', () => {
  expect(shorten('short', 5)).toBe('short');
  const cut = shorten('ééééé😀😀', 12);
  expect(cut).toBe('éééé…');
  expect(shorten('😀😀😀', 8)).toBe('😀…');
  expect(shorten('long', 1)).toBe('…');
});
