import { readdirSync, readFileSync } from 'node:fs';
import type { RunEvent } from '@runyard/domain';
import { expect, test } from 'vitest';
import { plain } from '../style.js';
import { RunView } from './run-view.js';

const recordings = new URL('recordings/', import.meta.url);
const names = readdirSync(recordings).filter((name) => name.endsWith('.ndjson')).map((name) => name.slice(0, -'.ndjson'.length));

function recorded(name: string, { deltas }: { deltas: boolean }): RunEvent[] {
  const events = readFileSync(new URL(`${name}.ndjson`, recordings), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as RunEvent);
  return deltas ? events : events.filter(({ type }) => type !== 'claude.stream_event');
}

/** What a screen without a status line shows. */
function shown(events: readonly RunEvent[], width?: number): string {
  const view = new RunView({ paint: plain, width });
  let text = '';
  for (const one of events) {
    for (const piece of view.feed(one)) {
      if (piece.kind === 'text') text += piece.text;
      else if (piece.kind === 'line') text += `${piece.text}\n`;
      else if (!text.endsWith('\n')) text += '\n';
    }
  }
  return text;
}

let seq = 0;
function event(type: string, data: unknown): RunEvent {
  seq += 1;
  return { id: `1-${seq}`, run_id: 'run_1', ts: '2026-01-01T00:00:00.000Z', type, data };
}
const delta = (text: string): RunEvent => event('claude.stream_event', { event: { type: 'content_block_delta', delta: { type: 'text_delta', text } } });
const start = (type: string): RunEvent => event('claude.stream_event', { event: { type } });
const assistant = (...content: unknown[]): RunEvent => event('claude.assistant', { message: { content } });

test('there are recordings', () => {
  expect(names.length).toBeGreaterThanOrEqual(9);
});

test.each(names)('the recording %s looks as agreed, and the same when its finished log is read', async (name) => {
  const finished = shown(recorded(name, { deltas: false }));
  await expect(finished).toMatchFileSnapshot(`recordings/${name}.txt`);
  // A cut answer was on the screen before it was taken back; nothing else may differ.
  if (name !== 'reset') expect(shown(recorded(name, { deltas: true }))).toBe(finished);
});

test('text that the CLI takes back is marked, and comes again whole', () => {
  const live = shown(recorded('reset', { deltas: true }));
  const takenBack = 'the text above was cut off: forget it, the answer comes again\n\n';
  expect(live).toContain(`\n\nword-1 word-2 word-3\n↻ no connection to the model: retry 1 of 3 in 0.5 s\n  ${takenBack}word-1 word-2 word-3`);
  expect(live.match(/word-20/g)).toHaveLength(1);
});

test('an answer that begins again without a word about a retry is marked, too', () => {
  expect(shown([start('message_start'), delta('Hel'), start('message_start'), delta('Hello'), assistant({ type: 'text', text: 'Hello' })])).toBe(
    'Hel\n↻ the text above was cut off: forget it, the answer comes again\n\nHello\n',
  );
});

test('text streams as it comes and is not repeated by the whole message', () => {
  const view = new RunView({ paint: plain });
  view.feed(start('message_start'));
  view.feed(start('content_block_start'));
  expect(view.feed(delta('Hel'))).toEqual([{ kind: 'text', text: 'Hel' }]);
  expect(view.feed(delta('lo'))).toEqual([{ kind: 'text', text: 'lo' }]);
  expect(view.feed(assistant({ type: 'text', text: 'Hello' }))).toEqual([{ kind: 'text', text: '' }, { kind: 'end' }]);
});

test('a reader that comes in the middle gets the rest of the block, or all of it', () => {
  expect(shown([start('content_block_start'), delta('Hel'), assistant({ type: 'text', text: 'Hello world' })])).toBe('Hello world\n');
  expect(shown([delta('lo'), assistant({ type: 'text', text: 'Hello' })])).toBe('lo\n\nHello\n');
});

test('a character or an escape sequence cut in two is neither broken nor printed twice', () => {
  const whole = 'a🚀b\r\nc\u001b[31md';
  for (let cut = 1; cut < whole.length; cut += 1) {
    expect(shown([start('content_block_start'), delta(whole.slice(0, cut)), delta(whole.slice(cut)), assistant({ type: 'text', text: whole })])).toBe('a🚀b\ncd\n');
  }
});

test('nothing from the run reaches the terminal as a command', () => {
  const evil = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\u0008';
  const events = [
    event('claude.system', { subtype: 'init', model: evil, cwd: evil }),
    event('claude.system', { subtype: 'api_retry', attempt: evil, error: evil }),
    event('claude.system', { subtype: 'task_notification', summary: evil, output_file: evil }),
    event('claude.system', { subtype: 'model_fallback', content: evil }),
    delta(evil),
    assistant({ type: 'text', text: evil }, { type: 'thinking', thinking: `${evil}x` }, { type: 'tool_use', name: `T${evil}`, input: { x: evil } }),
    event('claude.user', { message: { content: [{ type: 'tool_result', is_error: true, content: [{ type: 'text', text: `e${evil}` }] }] } }),
    event('log.stderr', { text: `s${evil}` }),
    event('workspace.ready', { ignored: [evil] }),
    event('run.waiting', { waiting_for: evil, reason: evil, resumes_at: evil }),
    event('run.finished', { status: 'succeeded', structured_output: { [evil]: evil } }),
  ];
  expect([...shown(events)].filter((character) => character !== '\n' && /[\p{Cc}\u202e]/u.test(character))).toEqual([]);
});

test('events of no known shape are passed over without an error', () => {
  const shapes = [null, 42, 'text', [], {}, { message: null }, { message: { content: 'text' } }, { message: { content: [null, 1] } }, { event: 7 }, { tasks: {} }];
  const types = ['claude.assistant', 'claude.user', 'claude.system', 'claude.stream_event', 'claude.never_seen', 'run.finished', 'log.stderr', 'workspace.ready', 'never.seen'];
  expect(shown(types.flatMap((type) => shapes.map((data) => event(type, data))))).toBe('');
});

test('failures of tools are shown in four lines at most, those of subagents further in', () => {
  const result = (content: string, parent?: string): RunEvent =>
    event('claude.user', { parent_tool_use_id: parent, message: { content: [{ type: 'tool_result', is_error: true, content }] } });
  expect(shown([result('Exit code 1\n\na\nb\nc\nd\ne')])).toBe('  ⎿ Exit code 1\n    a\n    b\n    c\n    … 2 more lines\n');
  expect(shown([result('no', 'toolu_1')])).toBe('    ⎿ no\n');
});

test('lines are cut to the width of the terminal', () => {
  const lines = shown([assistant({ type: 'tool_use', name: 'Write', input: { file_path: 'x'.repeat(200), content: 'a' } }, { type: 'thinking', thinking: 'y'.repeat(200) })], 40).trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line.length).toBeLessThan(40);
  expect(lines[0]).toMatch(/^● Write x+… \(\+1\)$/);
});

test('the answer of a slash command, which no message carries, is shown at the end', () => {
  expect(shown([event('run.finished', { status: 'succeeded', result: 'context: 12 %' })])).toBe('context: 12 %\n');
  expect(shown([assistant({ type: 'text', text: 'said' }), event('run.finished', { status: 'succeeded', result: 'said' })])).toBe('said\n');
});

test('why a run is in the queue again', () => {
  const said = (reason: string) => shown([event('run.queued', { dispatch: 2, reason })]).trimEnd();
  expect(['elsewhere', 'given_back', 'session'].map(said)).toEqual(['↻ left to a worker that can do it', '↻ its worker could not begin: queued again', '']);
});

test('why a run waits, when it goes on, and what has to be decided', () => {
  const story = [
    event('run.waiting', { waiting_for: 'quota', held: false, resumes_at: '2026-01-01T01:00:00.000Z', reason: 'Limit reached.' }),
    event('run.queued', { dispatch: 2, reason: 'upstream' }),
    event('run.started', { attempt: 2 }),
    event('run.resumed', { attempt: 2, how: 'resume' }),
    event('run.handed_over', { worker_id: 'wrk_1' }),
    event('run.queued', { dispatch: 3, reason: 'lease_lost' }),
    event('run.waiting', { waiting_for: 'recovery', held: false, resumes_at: null, reason: 'Bash was under way.' }),
    event('run.queued', { dispatch: 4, reason: 'restart' }),
    event('run.resumed', { attempt: 3, how: 'restart' }),
  ];
  expect(shown(story).trimEnd().split('\n')).toEqual([
    '⏸ waits for quota: Limit reached.',
    '  goes on by itself at 2026-01-01T01:00:00.000Z',
    '▶ asks the model provider again',
    '↻ attempt 2',
    '▶ goes on with the conversation',
    '↻ handed over to another worker',
    '↻ its worker was lost: queued again',
    '⏸ waits for recovery: Bash was under way.',
    '  decide: runyard recover <id> resume, restart or abandon',
    '▶ decided: restart',
    '▶ begins again',
  ]);
});
