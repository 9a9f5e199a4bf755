// Leases in the real world: a worker that is stopped, a Redis that is silent or restarts, wardens that die or are stopped.
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { parseEventId } from '@runyard/domain';
import type { RunRecord } from '@runyard/run-store';
import { processesWithMark, waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { wardenOf, workerStand } from './worker-stand.fixture.js';

const BASH = `[[bash cmd="(setsid perl -e 'sleep 600' &) ; perl -e 'sleep 602'"]]`;

const stand = workerStand({ request: { allowed_tools: ['Bash'], recovery: 'never' } });
const { work, ended, processes, gone, eventsOf } = stand;

const submit = (prompt: string): Promise<RunRecord> => stand.submit({ prompt });

test('a worker that is stopped loses its run, its processes end without it, and it cannot disturb the next one', async () => {
  const frozen = await work();
  const run = await submit(BASH);
  await processes(run, 4);
  frozen.kill('SIGSTOP');
  await gone(run);
  expect((await stand.store.get(run.id))?.status).toBe('running');

  await work();
  expect(await ended(run)).toMatchObject({ status: 'failed', attempt: 2, outcome: { failure: { code: 'worker_lost' } } });
  const before = await eventsOf(run);
  frozen.kill('SIGCONT');
  await frozen.logged('the lease is lost');
  // It is as good as new: it takes another run to its end.
  expect(await ended(await submit('[[text n=1]]'))).toMatchObject({ status: 'succeeded' });
  expect(await eventsOf(run)).toEqual(before);
});

test('a Redis that is silent costs the run: its processes have ended when Redis speaks again', async () => {
  const worker = await work();
  const run = await submit(BASH);
  await processes(run, 4);
  process.kill(stand.redis.pid(), 'SIGSTOP');
  try {
    await gone(run);
  } finally {
    process.kill(stand.redis.pid(), 'SIGCONT');
  }
  await worker.logged('the lease is lost');
  expect(await ended(run)).toMatchObject({ status: 'failed', outcome: { failure: { code: 'worker_lost' } } });
  expect(await ended(await submit('[[text n=1]]'))).toMatchObject({ status: 'succeeded' });
});

test('a Redis that restarts during a run costs nothing: the run goes on and no event is missing or doubled', async () => {
  await work();
  const run = await submit('[[slow n=400 delay=50]]');
  await waitFor(async () => ((await stand.store.get(run.id))?.seq ?? 0) > 20, { what: 'streamed text', timeoutMs: 60_000 });
  await stand.redis.kill();
  await stand.redis.restart();
  const atRestart = (await stand.store.get(run.id))?.seq ?? 0;
  const live: number[] = [];
  for await (const event of stand.store.follow(run.id, { signal: AbortSignal.timeout(120_000) })) live.push(parseEventId(event.id)?.seq ?? 0);
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 1, outcome: { result: expect.stringMatching(/^word-1 .* word-400$/) } });
  expect(live.length).toBeGreaterThan(atRestart);
  expect(live).toEqual(live.map((_, index) => index + 1));
});

test('a warden that dies is replaced, and the new one watches what the old one watched', async () => {
  const worker = await work();
  const run = await submit(BASH);
  await processes(run, 4);
  const first = await wardenOf(worker);
  execFileSync('kill', ['-TERM', String(first)]);
  process.kill(first, 'SIGKILL');
  await worker.logged('the warden died; starting another one');
  // One that has not yet heard what to watch would end nothing.
  await worker.logged('another warden watches');
  expect(await wardenOf(worker)).not.toBe(first);
  expect(await processesWithMark(run.id)).not.toEqual([]);
  worker.kill('SIGKILL');
  await worker.exited;
  await gone(run);
});

test('a warden that is stopped is noticed, killed and replaced, and the run goes on', async () => {
  const worker = await work();
  const run = await submit('[[slow n=200 delay=50]]');
  await processes(run, 1);
  const first = await wardenOf(worker);
  process.kill(first, 'SIGSTOP');
  expect(await worker.logged('the warden died; starting another one')).toMatchObject({ why: 'it does not answer' });
  await worker.logged('another warden watches');
  await waitFor(async () => (await readFile(`/proc/${first}/cmdline`, 'utf8').catch(() => '')) === '', { what: 'the end of the stopped one' });
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 1 });
});

test('a worker whose wardens die one after the other takes no more runs, finishes what it has, and ends with an error', async () => {
  const worker = await work();
  const run = await submit('[[slow n=300 delay=50]]');
  await processes(run, 1);
  const over = new AbortController();
  const killer = (async () => {
    // Each one dies before it can say a word; one that is found may be dead before the signal comes.
    while (!over.signal.aborted) await wardenOf(worker).then((pid) => process.kill(pid, 'SIGKILL')).catch(() => undefined);
  })();
  expect(await worker.logged('this worker cannot go on: it drains and ends')).toMatchObject({ why: expect.stringContaining('no warden can be kept running') });
  over.abort();
  await killer;
  const late = await submit('[[text n=1]]');
  expect(await worker.exited).toEqual({ code: 1, signal: null });
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect((await stand.store.get(late.id))?.status).toBe('queued');
  await work();
  expect(await ended(late)).toMatchObject({ status: 'succeeded', attempt: 1 });
});
