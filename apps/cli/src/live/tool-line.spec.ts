import { expect, test } from 'vitest';
import { toolLine } from './tool-line.js';

const cwd = '/home/ada/project';

test.each([
  ['Bash', { command: 'ls -la\n  | head', description: 'List' }, 'Bash', 'ls -la | head', ''],
  ['Bash', { command: 'npm start', run_in_background: true }, 'Bash', 'npm start &', ''],
  ['Write', { file_path: `${cwd}/src/a.ts`, content: 'a\nb\n' }, 'Write', 'src/a.ts', '+2'],
  ['Write', { file_path: '/etc/passwd', content: 'x' }, 'Write', '/etc/passwd', '+1'],
  ['Write', { file_path: `${cwd}-evil/a`, content: '' }, 'Write', `${cwd}-evil/a`, ''],
  ['Edit', { file_path: `${cwd}/a.ts`, old_string: 'same\nold\nsame', new_string: 'same\nnew\nmore\nsame' }, 'Edit', 'a.ts', '+2 −1'],
  ['Edit', { file_path: `${cwd}/a.ts`, old_string: 'a\nb', new_string: 'a' }, 'Edit', 'a.ts', '−1'],
  ['MultiEdit', { file_path: 'a', edits: [{ old_string: 'x', new_string: 'y' }, { old_string: '1', new_string: '1\n2' }] }, 'MultiEdit', 'a', '+2 −1'],
  ['Read', { file_path: `${cwd}/a.ts`, offset: 10, limit: 5 }, 'Read', 'a.ts (lines 10-14)', ''],
  ['Read', { file_path: `${cwd}/a.ts`, offset: 10 }, 'Read', 'a.ts (from line 10)', ''],
  ['Read', { file_path: cwd }, 'Read', '.', ''],
  ['Glob', { pattern: '**/*.ts', path: `${cwd}/src` }, 'Glob', '**/*.ts in src', ''],
  ['Grep', { pattern: 'TODO', glob: '*.md' }, 'Grep', 'TODO *.md', ''],
  ['Task', { subagent_type: 'general-purpose', description: 'look around', prompt: 'long' }, 'Task', 'general-purpose look around', ''],
  ['WebFetch', { url: 'https://example.com', prompt: 'p' }, 'WebFetch', 'https://example.com', ''],
  ['TodoWrite', { todos: [{ status: 'completed' }, { status: 'in_progress', content: 'second' }, { status: 'pending' }] }, 'TodoWrite', '1/3 second', ''],
  ['mcp__git_hub__create_issue', { title: 'T', n: 1 }, 'git_hub:create_issue', 'T', ''],
  ['SomethingNew', { count: 3, text: 'shown' }, 'SomethingNew', 'shown', ''],
  ['Bash', { command: 42 }, 'Bash', '', ''],
  ['Edit', null, 'Edit', '', ''],
  ['TodoWrite', { todos: 'x' }, 'TodoWrite', '0/0', ''],
  ['Bash\u001b[2J', { x: '\u001b]0;t\u0007run' }, 'Bash', 'run', ''],
])('%s %j', (name, input, expectedName, detail, change) => {
  expect(toolLine(name, input, cwd)).toEqual({ name: expectedName, detail, change });
});

test('without a workspace paths stay whole', () => {
  expect(toolLine('Write', { file_path: '/a/b', content: 'x' }, undefined).detail).toBe('/a/b');
});
