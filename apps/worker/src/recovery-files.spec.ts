// Recovery when the pieces do not fit: private conversations, another data directory, outcomes nobody heard of, a Redis that forgot.
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sessionUuidOf } from '@runyard/domain';
import type { CreateRun, Outcome } from '@runyard/domain';
import type { RunRecord } from '@runyard/run-store';
import { redisCommand, waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { bash, count, script, SLOWLY } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CLAUDE_MAX_RETRIES: '0', RUNYARD_SECRET_HIDDEN: 'hidden-4711' }, request: { allowed_tools: ['Bash'] } });
const { work, submit, until, ended, has, lose, workDoomed, ledger, counted } = stand;

const waiting = (run: RunRecord) => until(run, 'the wait', ({ status }) => status === 'waiting');
const types = async (run: RunRecord) => (await stand.typesOf(run)).filter((type) => type.startsWith('run.'));

/** A run that has used its tool once and goes on talking. */
async function underWay(name: string, more: Partial<CreateRun> = {}): Promise<RunRecord> {
  const run = await submit({ prompt: script(count(ledger(name)), SLOWLY), ...more });
  await has(run, '"tool_result"');
  return run;
}

test('the conversation of a run with secrets was private: it waits for somebody, cannot be resumed, but can be restarted', async () => {
  const first = await work();
  const run = await underWay('secret', { environment: { HIDDEN: { secret: 'HIDDEN' } } });
  await lose(first, run);
  await work();
  expect(await waiting(run)).toMatchObject({ waitingFor: 'recovery', attempt: 2, waitingDetail: expect.stringMatching(/was not saved.*resume, restart or abandon/) });
  await stand.store.recover(run.id, 'resume');
  const again = await until(run, 'the second wait', ({ status, attempt }) => status === 'waiting' && attempt === 3);
  expect(again.waitingDetail).toMatch(/cannot be resumed/);
  expect(await counted('secret')).toHaveLength(1);
  await stand.store.recover(run.id, 'restart');
  await waitFor(async () => (await counted('secret')).length === 2, { what: 'the second start', timeoutMs: 60_000 });
  await stand.store.cancel(run.id);
  expect(await ended(run)).toMatchObject({ status: 'canceled', attempt: 4 });
});

test('a worker with another data directory starts nothing that it knows nothing of, and says why', async () => {
  const first = await work();
  const run = await underWay('elsewhere');
  await lose(first, run);
  const second = await work({ RUNYARD_DATA_DIR: join(stand.base, 'elsewhere') });
  expect(await waiting(run)).toMatchObject({ waitingFor: 'recovery', waitingDetail: expect.stringMatching(/do not share one/) });
  await second.stop();
  // One that shares it knows more.
  await work();
  await stand.store.recover(run.id, 'resume');
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 3 });
  expect(await counted('elsewhere')).toHaveLength(1);
});

test('a worker dies between the end of a run and its word: the next one says it, with everything the run left', async () => {
  const { worker, arm } = await workDoomed();
  // More than the CLI keeps in the transcript itself.
  const run = await submit({ prompt: script(bash(`echo one >> ${ledger('kept')}; seq 1 40000`), { text: 'the end' }) });
  await arm(`K7:${run.id}`);
  await worker.exited;
  await lose(worker, run);
  const folder = stand.data('sessions', run.sessionId, sessionUuidOf(run.sessionId));
  const before = [await stand.asked(run), await readdir(folder, { recursive: true })];

  await work();
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 2, outcome: { result: 'the end', failure: null, cost_estimated: false } });
  expect([await stand.asked(run), await readdir(folder, { recursive: true })]).toEqual(before);
  // The notes stay as long as the run does, the files that only another attempt would need do not.
  await waitFor(async () => (await readdir(stand.data('runs', run.id))).every((name) => !/^(attempt-\d+|conversation)$/.test(name)), { what: 'the files of the attempts to be gone' });
  expect([await counted('kept'), await types(run)]).toEqual([['one'], ['run.queued', 'run.started', 'run.queued', 'run.started', 'run.finished']]);
  const next = await stand.perform({ prompt: '[[text n=2]] and then', session_id: run.sessionId });
  expect(next).toMatchObject({ status: 'succeeded', outcome: { result: 'word-1 word-2' } });
  expect(await readFile(`${folder}.jsonl`, 'utf8')).toMatch(/kept\.ledger[\s\S]*and then/);
});

test('an outcome in the notes of an attempt that Redis knows nothing of is the outcome', async () => {
  const answer = await stand.store.create({ request: { prompt: script(count(ledger('noted'))), allowed_tools: ['Bash'] }, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  const { run } = answer;
  const outcome: Outcome = { status: 'succeeded', failure: null, result: 'done before', structured_output: null, usage: null, cost_usd: 0.5, cost_estimated: false, num_turns: 3, duration_ms: 1234 };
  await mkdir(stand.data('runs', run.id), { recursive: true });
  const notes = [{ note: 'starting', workerId: 'wrk_before', mode: 'start', costBeforeUsd: 0 }, { note: 'outcome', outcome }];
  // The last line is half written, as a power cut leaves it.
  await writeFile(stand.data('runs', run.id, 'attempt-2.ndjson'), `${notes.map((note) => JSON.stringify(note)).join('\n')}\n{"note":"en`);
  await work();
  expect((await ended(run)).outcome).toEqual(outcome);
  expect([await stand.asked(run), await counted('noted')]).toEqual([0, []]);
});

test('a Redis that went back to before the claims: nothing is executed twice', async () => {
  const runs: RunRecord[] = [];
  for (const prompt of [script(count(ledger('over')), { text: 'end' }), script(count(ledger('half')), SLOWLY)]) {
    const answer = await stand.store.create({ request: { allowed_tools: ['Bash'], prompt }, trigger: 'api' });
    if (answer.kind === 'created') runs.push(answer.run);
  }
  const [over, half] = runs as [RunRecord, RunRecord];
  const backup = await backUpRedis();
  const worker = await work();
  await Promise.all([ended(over), has(half, '"tool_result"')]);
  await lose(worker, half);
  await backup.restore();
  expect((await Promise.all(runs.map(({ id }) => stand.store.get(id)))).map((run) => [run?.status, run?.attempt])).toEqual([['queued', 0], ['queued', 0]]);

  await work();
  expect(await ended(over)).toMatchObject({ status: 'succeeded', outcome: { result: 'end' } });
  expect(await waiting(half)).toMatchObject({ waitingFor: 'recovery', spawned: 1, waitingDetail: expect.stringMatching(/Redis lost the last events/) });
  expect([await counted('over'), await counted('half')]).toEqual([['one'], ['one']]);
  await stand.store.recover(half.id, 'resume');
  expect(await ended(half)).toMatchObject({ status: 'succeeded' });
  expect(await counted('half')).toHaveLength(1);
});

/** Copies what Redis has on the disk now; `restore` puts it back, as somebody does who has nothing newer. */
async function backUpRedis(): Promise<{ restore(): Promise<void> }> {
  const { redis } = stand;
  const [, directory] = (await redisCommand(redis.connection, 'CONFIG', 'GET', 'dir')) as [string, string];
  const [, append] = (await redisCommand(redis.connection, 'CONFIG', 'GET', 'appenddirname')) as [string, string];
  const [live, copy] = [join(directory, append), join(stand.base, 'redis-backup')];
  expect(existsSync(live), 'the append-only files').toBe(true);
  await redis.kill();
  await cp(live, copy, { recursive: true });
  await redis.restart();
  return {
    restore: async () => {
      await redis.kill();
      await rm(live, { recursive: true });
      await cp(copy, live, { recursive: true });
      await redis.restart();
    },
  };
}
