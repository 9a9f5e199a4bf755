// The note to a resumed conversation: complete, short enough, and never in the user's name.
import { expect, test } from 'vitest';
import { reconciliationNote } from './reconciliation-note.js';
import { runFactsOf } from './run-facts.js';
import type { RunFacts } from './run-facts.js';

const none = runFactsOf([]);
const tool = (id: string, name: string, input: Record<string, unknown>) => ({ id, name, input });
const note = (facts: Partial<RunFacts>, why: 'lost' | 'handed_over' | 'upstream' | 'decision' = 'lost') => reconciliationNote({ why, atIso: '2026-01-02T03:04:05.000Z', facts: { ...none, ...facts } });

test.each([
  ['lost', /failed/],
  ['handed_over', /shut down for maintenance/],
  ['upstream', /model provider/],
  ['decision', /decided that the work goes on/],
] as const)('%s: says when and by what, and that nobody wanted it', (why, words) => {
  const text = note({}, why);
  expect(text).toMatch(words);
  expect(text).toContain('2026-01-02T03:04:05.000Z');
  expect(text).toMatch(/Continue the task/);
  expect(text).not.toMatch(/\buser\b/i);
  expect(text).not.toMatch(/unknown/);
});

test('names the action in flight with its input, and what was completed before', () => {
  const command = 'psql -c "delete from orders"';
  const text = note({
    inFlight: [tool('t', 'Bash', { command })],
    lastCompleted: [
      { ...tool('a', 'Edit', {}), description: 'Edit: /w/a.ts', outcome: 'ok' },
      { ...tool('b', 'Bash', {}), description: 'Bash: npm test', outcome: 'error' },
      { ...tool('c', 'Bash', {}), description: 'Bash: refused', outcome: 'denied' },
    ],
  });
  expect(text).toContain(JSON.stringify({ command }));
  expect(text).toContain('- Edit: /w/a.ts\n- Bash: npm test (it failed)');
  expect(text).not.toContain('refused');
  expect(text).toMatch(/outcome is unknown/);
  expect(text).toMatch(/Inspect the actual state before you repeat/);
});

test('says that a tool was in flight also when only its name is left, and that the rest may not be all', () => {
  const lost = { ...tool('t', 'Bash', {}), isInputLost: true as const };
  const text = note({ inFlight: [lost], unlogged: [lost] });
  expect(text).toMatch(/was in flight, and the outcome is unknown[^]*- tool Bash, input: not known any more\n/);
  expect(text).toMatch(/record of that process is lost/);
  expect(note({ inFlight: [tool('t', 'mcp__clock__now', {})] }), 'a tool without input').toMatch(/input: \{\}\n/);
  expect(note({})).not.toMatch(/record/);
});

test('what ran in the background is said to have ended', () => {
  expect(note({ inBackground: [tool('t', 'Bash', { command: 'npm run dev' })] })).toMatch(/will not report any more[^]*- Bash: npm run dev/);
});

test('never longer than 8 KiB, whatever was in flight; the input of one tool has up to 2 KiB', () => {
  const big = { command: '😀'.repeat(100_000) };
  const description = `Bash: ${'é'.repeat(97)}`;
  const lastCompleted = Array.from({ length: 5 }, (_, index) => ({ ...tool(String(index), 'Bash', big), description, outcome: 'stopped' as const }));
  const many = Array.from({ length: 40 }, (_, index) => tool(String(index), `mcp__${'x'.repeat(500)}`, big));
  const text = note({ inFlight: many, inBackground: many, lastCompleted, unlogged: many }, 'decision');
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8 * 1024);
  expect(text).toContain('and 34 more');
  expect(text, 'nothing at the end is lost to the limit').toMatch(/Continue the task/);
  const one = note({ inFlight: [tool('t', 'Bash', big)] });
  expect(Buffer.byteLength(one)).toBeGreaterThan(2_000);
  expect(one).not.toContain('�');
});
