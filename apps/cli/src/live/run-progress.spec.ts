import { readFileSync } from 'node:fs';
import type { RunEvent } from '@runyard/domain';
import { expect, test } from 'vitest';
import { plain } from '../style.js';
import { RunProgress } from './run-progress.js';

const begin = Date.parse('2026-01-02T03:04:05.000Z');
const queued = { status: 'queued', created_at: '2026-01-02T03:04:05.000Z', started_at: null } as const;

function recorded(name: string): RunEvent[] {
  return readFileSync(new URL(`recordings/${name}.ndjson`, import.meta.url), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as RunEvent);
}

/** The different things that the status line said, in order. */
function story(name: string): string[] {
  const progress = new RunProgress(queued, begin);
  const said: string[] = [];
  for (const event of recorded(name)) {
    progress.feed(event);
    const doing = progress.line(begin, 200, plain).split(' · ').at(-1) ?? '';
    if (said.at(-1) !== doing) said.push(doing);
  }
  return said;
}

test('it says what happens at the moment', () => {
  expect(story('denied')).toEqual([
    'queued', 'starting claude', 'waiting for the model', 'thinking', 'calling Bash', 'running Bash', 'waiting for the model', 'thinking', 'writing', 'finishing',
  ]);
  expect(story('overloaded')).toEqual(['queued', 'starting claude', 'waiting for the model', 'retrying (1 of 3)', 'retrying (2 of 3)', 'thinking', 'writing', 'finishing']);
});

test('time, turns, tokens and cost', () => {
  const progress = new RunProgress(queued, begin);
  expect(progress.line(begin + 5000, 100, plain)).toBe('⏱ 0:05 · queued');
  for (const event of recorded('edit')) progress.feed(event);
  expect(progress.line(begin + 62_300, 100, plain)).toBe('⏱ 1:02 · 5 turns · 138 tokens · $0.0755 · finishing');
});

test('background tasks are counted while they run', () => {
  const progress = new RunProgress(queued, begin);
  const lines = recorded('background').map((event) => {
    progress.feed(event);
    return progress.line(begin, 200, plain);
  });
  expect(lines.find((line) => line.includes('task'))).toBe('⏱ 0:00 · 1 turn · 31 tokens · 1 task in the background · running Bash');
  expect(lines.filter((line) => line.includes('waiting for the background')).every((line) => line.includes('1 task in the background'))).toBe(true);
  expect(lines.at(-1)).not.toContain('background');
});

test('it fits the width and tells when the connection is gone', () => {
  const progress = new RunProgress(queued, begin);
  progress.disconnected('the connection was cut\u001b[2J');
  expect(progress.line(begin, 100, plain)).toBe('⏱ 0:00 · connecting again (the connection was cut)');
  expect(progress.line(begin, 20, plain)).toBe('⏱ 0:00 · connecting…');
});
