// Commands that operate: retry, rm, queue, workers drain, and submit with a time and a priority; against a real API process.
import type { QueueState, Run } from '@runyard/domain';
import { newId } from '@runyard/domain';
import { redisCommand } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import { expect, test } from 'vitest';
import { onRealApi } from './real-api.fixture.js';
import type { RealApi } from './real-api.fixture.js';

let redis: TestRedis;
let runyard: RealApi['runyard'];
let json: RealApi['json'];

onRealApi((api) => ({ redis, runyard, json } = api));

test('submit with priority, time and expiry; ps by tag', async () => {
  const run = await json<Run>('submit', 'go', '--priority', '-5', '--at', '2h', '--expires', '10m', '--tag', 'later');
  expect(run).toMatchObject({ priority: -5, queued_reason: 'run_at', trigger: 'cli' });
  expect(Date.parse(run.expires_at ?? '') - Date.parse(run.run_at ?? '')).toBe(600_000);
  await runyard('submit', 'go', '--at', '2020-01-01', '--tag', 'other');
  expect((await runyard('ps', '-q', '--tag', 'later')).out).toBe(`${run.id}\n`);
  expect((await runyard('ps', '--tag', 'none')).err).toContain('No live run has this tag');
});

test.each([
  [['submit', 'x', '--priority', '11'], /from -10 to 10/],
  [['submit', 'x', '--priority', 'high'], /from -10 to 10/],
  [['submit', 'x', '--at', 'tomorrow'], /must be a time such as/],
  [['submit', 'x', '--at', '2026-02-40'], /must be a time such as/],
  [['submit', 'x', '--expires', 'soon'], /such as 90, 15m or 2h/],
  [['queue', 'stop'], /Allowed choices are pause, resume/],
  [['retry'], /missing required argument/],
  [['recover', 'last', 'again'], /Allowed choices are resume, restart, abandon/],
  [['rm'], /missing required argument/],
  [['workers', 'drain'], /missing required argument/],
])('wrong usage %j exits with 2 and says what is wrong', async (argv, message) => {
  const done = await runyard(...argv);
  expect(done.code).toBe(2);
  expect(done.err).toMatch(message);
});

test('retry makes a new run of one that is over; rm forgets it, but not one that lives', async () => {
  const { id } = await json<Run>('submit', 'again', '--name', 'n');
  expect(await runyard('retry', id)).toMatchObject({ code: 1, out: '' });
  await runyard('cancel', id);
  const again = await runyard('retry', id, '--priority', '3');
  expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/^run_\w+\n$/) });
  expect(await json<Run>('show', again.out.trim())).toMatchObject({ retry_of: id, name: 'n', priority: 3 });
  const removed = await runyard('rm', again.out.trim(), id);
  expect(removed).toMatchObject({ code: 1, out: `${id}\n` });
  expect(removed.err).toContain('cancel it first');
  expect((await runyard('show', id)).code).toBe(3);
  expect((await runyard('rm', id)).code).toBe(3);
});

test('status tells which model provider refuses, and what waits for it', async () => {
  const at = String(Date.now() + 600_500);
  await redisCommand(redis.connection, 'HSET', 'runyard:upstream:feedfacecafe0123', 'state', 'open', 'kind', 'quota', 'code', 'rate_limited', 'message', 'Limit \u001b[31mreached', 'until', at, 'since', '1', 'failures', '1');
  await redisCommand(redis.connection, 'ZADD', 'runyard:upstreams', '1', 'feedfacecafe0123');
  expect((await runyard('status')).out).toMatch(/quota \(feedfacecafe\), is asked again in (10|9)m, 0 runs waiting: Limit reached/);
  await redisCommand(redis.connection, 'HSET', 'runyard:upstream:feedfacecafe0123', 'state', 'closed');
  expect((await runyard('status')).out).not.toContain('feedface');
});

test('ps says why a run waits', async () => {
  const prompts = { capacity: 'for a worker', session: 'for its turn', run_at: 'for its time' };
  const { id, session_id } = await json<Run>('submit', prompts.capacity);
  const ids = { capacity: id, session: (await json<Run>('submit', prompts.session, '--session', session_id)).id, run_at: (await json<Run>('submit', prompts.run_at, '--at', '2h')).id };
  const lines = (await runyard('ps', '-n', '100')).out.split('\n');
  for (const [reason, runId] of Object.entries(ids)) expect(lines.find((line) => line.startsWith(runId))).toContain(` queued (${reason}) `);
  expect((await runyard('show', ids.run_at)).out).toMatch(/^status +queued \(run_at\)$/m);
  await runyard('cancel', ...Object.values(ids));
});

test('the queue is paused and resumed', async () => {
  expect((await runyard('queue', 'pause')).out).toMatch(/paused: no worker takes a run/);
  expect((await runyard('queue')).err).toContain('queue resume');
  expect((await runyard('status')).out).toContain('paused');
  expect(await json<QueueState>('queue', 'resume')).toMatchObject({ paused: false });
  expect((await runyard('queue')).out).toMatch(/open/);
});

test('a worker is asked to drain by its id or the end of it', async () => {
  const id = newId('worker');
  const info = { id, host: 'h', pid: 1, version: '1', claudeVersion: null, capacity: 2, busy: 1, state: 'busy', runIds: [], startedAt: new Date().toISOString(), labels: {} };
  await redisCommand(redis.connection, 'SET', `runyard:worker:${id}`, JSON.stringify(info));
  await redisCommand(redis.connection, 'ZADD', 'runyard:workers', String(Date.now()), id);
  const done = await runyard('workers', 'drain', id.slice(-8));
  expect(done).toMatchObject({ code: 0, out: `${id} draining\n` });
  expect(done.err).toContain('1 run');
  expect((await runyard('workers')).out).toContain('draining');
  expect(await runyard('workers', 'drain', newId('worker'))).toMatchObject({ code: 3, out: '', err: expect.stringContaining('See: /opt/runyard/bin/runyard workers') });
});
