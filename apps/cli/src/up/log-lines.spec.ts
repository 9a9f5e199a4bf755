import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { plain } from '../style.js';
import { renderLogLine } from './log-lines.js';
import { createLogSink } from './log-sink.js';

const now = new Date(2026, 0, 2, 3, 4, 5);
const line = (service: string, text: string): string | undefined => renderLogLine(service, text, now, plain);
const json = (record: object): string => JSON.stringify({ level: 'info', time: now.toISOString(), name: 'api', msg: 'm', ...record });

test.each([
  [json({ msg: 'API listening', url: 'http://127.0.0.1:8080' }), '03:04:05 api    API listening url=http://127.0.0.1:8080'],
  [json({ level: 'warn', msg: 'careful', count: 3, list: ['a'], none: null }), '03:04:05 api    warn careful count=3 list=["a"]'],
  [json({ level: 'error', msg: 'broken', err: { message: 'why\nnot', stack: 'at x' } }), '03:04:05 api    error broken why not'],
  [json({ msg: 'done', req: { method: 'GET', url: '/v1/runs' }, res: { statusCode: 200 }, responseTime: 4.6 }), '03:04:05 api    done GET /v1/runs 200 5ms'],
  [json({ msg: 'GET /v1/runs 200', req: { method: 'GET', url: '/v1/runs' }, res: { statusCode: 200 }, duration_ms: 4, req_id: 'req_1' }), '03:04:05 api    GET /v1/runs 200 4ms'],
  [json({ msg: 'evil\u001b[2J\u0007', field: '\u009b31m\n' }), '03:04:05 api    evil field='],
  [json({ msg: 'Mapped {/v1/runs, POST} route', context: 'RouterExplorer' }), undefined],
  [json({ level: 'error', msg: 'no route', context: 'RouterExplorer' }), '03:04:05 api    error no route context=RouterExplorer'],
  ['plain words \u001b[31mred', '03:04:05 api    plain words red'],
  ['{"not":"a log line"}', '03:04:05 api    {"not":"a log line"}'],
  ['{broken', '03:04:05 api    {broken'],
])('%s', (text, expected) => {
  expect(line('api', text)).toBe(expected);
});

test('a long line is cut', () => {
  expect(line('api', 'x'.repeat(10_000))?.length).toBeLessThan(600);
  expect(line('api', json({ msg: 'm', field: 'x'.repeat(10_000) }))?.length).toBeLessThan(250);
});

test('json logs pass unchanged, and every line is JSON', () => {
  let written = '';
  const stream = new Writable({ write: (chunk, _, done) => done(void (written += String(chunk))) });
  const sink = createLogSink(stream, { json: true });
  const raw = json({ context: 'RouterExplorer' });
  sink.line('api', raw);
  sink.line('api', '');
  sink.line('worker', 'Cannot start');
  const lines = written.trimEnd().split('\n');
  expect(lines[0]).toBe(raw);
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ level: 'info', name: 'worker', msg: 'Cannot start' });
  expect(lines).toHaveLength(2);
});
