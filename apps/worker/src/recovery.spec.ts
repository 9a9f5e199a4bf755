// Runs that outlive their worker: a real worker is killed or stopped, another one goes on; real CLI, real Redis, the demo model behind it.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { sessionUuidOf } from '@runyard/domain';
import type { CreateRun } from '@runyard/domain';
import type { RunRecord } from '@runyard/run-store';
import { processesWithMark, waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { count as countIn, script, SLOWLY } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CLAUDE_MAX_RETRIES: '0', RUNYARD_CAPACITY: '8' }, request: { allowed_tools: ['Bash'] } });
const { work, until, ended, eventsOf, has, ledger, counted } = stand;

const submit = (prompt: string, more: Partial<CreateRun> = {}): Promise<RunRecord> => stand.submit({ prompt, ...more });
const count = (name: string, rest = '') => countIn(ledger(name), rest);

test('a worker is killed: what is safe goes on by itself, what is not waits for somebody, nothing is done twice', async () => {
  const first = await work();
  const runs = {
    unanswered: await submit('[[slow n=6000 delay=100]]'),
    between: await submit(script(count('between'), SLOWLY)),
    during: await submit(script(count('during', "; perl -e 'sleep 300'"), { text: 'end' })),
    bold: await submit(script(count('bold', "; perl -e 'sleep 300'"), { text: 'end' }), { recovery: 'resume' }),
    never: await submit(script(count('never'), SLOWLY), { recovery: 'never' }),
    again: await submit(script(count('again'), { ...SLOWLY, delay: 1000 }), { recovery: 'restart' }),
  };
  // Nobody waits for the end of `unanswered` and `again`: they are looked at last, and canceled.
  for (const name of ['between', 'during', 'bold', 'never', 'again']) await waitFor(() => existsSync(ledger(name)), { what: `the tool of ${name}`, timeoutMs: 120_000 });
  for (const run of [runs.between, runs.never, runs.again]) await has(run, '"tool_result"');
  await has(runs.unanswered, 'stream_event');
  first.kill('SIGKILL');
  await first.exited;

  await work();
  const bold = await ended(runs.bold);
  expect(bold.status).toBe('succeeded');
  expect([(await counted('bold')).length, bold.attempt]).toEqual([1, 2]);
  const between = await ended(runs.between);
  expect([between.status, between.attempt, (await counted('between')).length]).toEqual(['succeeded', 2, 1]);
  expect(between.outcome).toMatchObject({ cost_estimated: true });
  expect((await ended(runs.never)).outcome).toMatchObject({ status: 'failed', failure: { code: 'worker_lost' } });
  expect((await counted('never')).length).toBe(1);

  const during = await until(runs.during, 'the wait', ({ status }) => status === 'waiting');
  expect(during).toMatchObject({ waitingFor: 'recovery', held: false, workerId: null });
  expect(during.waitingDetail).toMatch(/Bash: echo one .*resume, restart or abandon/);
  expect(await stand.store.recover(during.id, 'resume')).toMatchObject({ kind: 'recovered', next: { dispatch: during.dispatch + 1 } });
  expect((await ended(runs.during)).status).toBe('succeeded');
  expect((await counted('during')).length).toBe(1);
  // The note reached Claude: it is in the conversation that went on.
  const told = await readFile(stand.data('sessions', during.sessionId, `${sessionUuidOf(during.sessionId)}.jsonl`), 'utf8');
  expect(told).toMatch(/echo one >> [^"]*during/);

  await waitFor(async () => (await counted('again')).length === 2, { what: 'the second start', timeoutMs: 120_000 });
  for (const run of [runs.again, runs.unanswered]) {
    await until(run, 'its second attempt', ({ attempt, status }) => attempt === 2 && status === 'running');
    await stand.store.cancel(run.id);
    expect((await ended(run)).status).toBe('canceled');
  }
  for (const run of Object.values(runs)) {
    const numbers = (await eventsOf(run)).map(({ id }) => Number(id.split('-')[1]));
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    expect((await eventsOf(run)).filter(({ type }) => type === 'run.finished')).toHaveLength(1);
    expect(await processesWithMark(run.id)).toEqual([]);
  }
});

test('a worker that is stopped hands its run over at a clean point, and the stream goes on', async () => {
  const first = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' });
  const run = await submit(script(count('handed'), SLOWLY));
  await has(run, '"tool_result"');
  expect(await first.stop()).toMatchObject({ code: 0 });
  const left = await stand.store.get(run.id);
  expect(left).toMatchObject({ status: 'queued', left: 'handed_over', losses: 0, attempt: 1 });
  await work();
  const over = await ended(run);
  const told = await stand.toldItsPrice(run);
  expect([over.status, over.attempt, (await counted('handed')).length, over.outcome.cost_estimated]).toEqual(['succeeded', 2, 1, !told.result && !told.transcript]);
  const types = (await eventsOf(run)).map(({ type }) => type).filter((type) => type.startsWith('run.'));
  expect(types).toEqual(['run.queued', 'run.started', 'run.interrupted', 'run.handed_over', 'run.queued', 'run.started', 'run.resumed', 'run.finished']);
});

test('a provider that refuses for a while costs no run: it waits, asks again and goes on', async () => {
  await work();
  const run = await submit('[[status status=529 fail=1]] [[text n=3]]');
  const other = await submit('[[text n=2]]');
  const waiting = await until(run, 'the wait', ({ status }) => status === 'waiting');
  expect(waiting).toMatchObject({ waitingFor: 'quota', held: false, left: 'quota' });
  expect(await ended(run)).toMatchObject({ status: 'succeeded', losses: 0 });
  expect(await ended(other)).toMatchObject({ status: 'succeeded' });
  expect((await stand.store.upstream.list()).map(({ state }) => state)).toEqual(['closed']);
});
