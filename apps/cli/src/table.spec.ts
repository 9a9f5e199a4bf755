import { expect, test } from 'vitest';
import { plain } from './style.js';
import { renderFields, renderTable } from './table.js';

const columns = [
  { title: 'ID', text: (row: readonly [string, string]) => row[0] },
  { title: 'PROMPT', text: (row: readonly [string, string]) => row[1] },
];

test('columns are as wide as their widest cell, and the last one is cut to the width', () => {
  const rows = [
    ['漢字', 'one\nline \u001b[31mred'],
    ['a', 'x'.repeat(50)],
  ] as const;
  expect(renderTable(columns, rows, { paint: plain, width: 20 })).toBe(['ID    PROMPT', '漢字  one line red', `a     ${'x'.repeat(13)}…`, ''].join('\n'));
});

test('no rows, no titles', () => {
  expect(renderTable(columns, [], { paint: plain, width: 20 })).toBe('');
});

test('fields without a value are left out, further lines are indented', () => {
  expect(renderFields([['a', '1'], ['longer', 'x\ny'], ['gone', null], ['empty', '']], plain)).toBe('a       1\nlonger  x\n        y\n');
  expect(renderFields([['a', 'one two three four five six']], plain, 23)).toBe('a  one two three four\n   five six\n');
});
