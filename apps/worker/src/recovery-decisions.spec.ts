// What people do about runs whose worker is lost or leaving: cancel, resume, restart, abandon, several of them at once.
import type { RunRecord } from '@runyard/run-store';
import { processesWithMark, waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { bash, count, script, SLOWLY } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CLAUDE_MAX_RETRIES: '0', RUNYARD_CAPACITY: '6' }, request: { allowed_tools: ['Bash'] } });
const { work, submit, until, ended, typesOf, has, lose, ledger, counted } = stand;

const waits = (run: RunRecord) => until(run, 'the wait', ({ status, waitingFor }) => status === 'waiting' && waitingFor === 'recovery');
const finished = async (run: RunRecord) => (await typesOf(run)).filter((type) => type === 'run.finished').length;

/** Runs whose worker was lost in the middle of a command; another worker has looked at them. */
async function undecided(names: readonly string[]): Promise<RunRecord[]> {
  const first = await work();
  const runs = await Promise.all(names.map((name) => submit({ prompt: script(count(ledger(name), "; perl -e 'sleep 300'"), { text: 'end' }) })));
  for (const name of names) await waitFor(async () => (await counted(name)).length === 1, { what: `the command of ${name}`, timeoutMs: 120_000 });
  await lose(first, ...runs);
  await work();
  return Promise.all(runs.map(waits));
}

test('a run that waits for a decision is canceled at once, abandoned at once, or goes on once however often it is told to', async () => {
  const [canceled, abandoned, resumed, disputed] = (await undecided(['canceled', 'abandoned', 'resumed', 'disputed'])) as [RunRecord, RunRecord, RunRecord, RunRecord];
  const next = await submit({ prompt: '[[text n=1]]', session_id: canceled.sessionId });
  expect((await stand.store.get(next.id))?.queuedReason).toBe('session');
  expect(await stand.store.cancel(canceled.id)).toMatchObject({ kind: 'canceled', run: { status: 'canceled' }, next: { runId: next.id } });
  expect(await stand.store.recover(canceled.id, 'resume')).toEqual({ kind: 'not_waiting', status: 'canceled', waitingFor: null });
  // The conversation so far is the session's: the next run goes on from there.
  expect(await ended(next)).toMatchObject({ status: 'succeeded', outcome: { result: 'word-1' } });

  expect((await stand.store.recover(abandoned.id, 'abandon')).kind).toBe('recovered');
  expect(await ended(abandoned)).toMatchObject({ status: 'failed', attempt: 2, outcome: { failure: { code: 'worker_lost' } } });

  const answers = await Promise.all(Array.from({ length: 5 }, () => stand.store.recover(resumed.id, 'resume')));
  expect(answers.map((answer) => (answer.kind === 'recovered' ? answer.next?.dispatch : answer.kind))).toEqual(answers.map(() => resumed.dispatch + 1));
  expect(await ended(resumed)).toMatchObject({ status: 'succeeded', attempt: 3, dispatch: resumed.dispatch + 1 });

  const votes = await Promise.all((['resume', 'restart', 'abandon', 'restart', 'resume'] as const).map(async (action) => [action, (await stand.store.recover(disputed.id, action)).kind] as const));
  const winners = new Set(votes.filter(([, kind]) => kind === 'recovered').map(([action]) => action));
  expect([...winners], 'the first one decides').toEqual([votes[0]?.[0]]);
  expect(await ended(disputed)).toMatchObject({ status: 'succeeded', attempt: 3, dispatch: disputed.dispatch + 1 });

  for (const name of ['canceled', 'abandoned', 'resumed', 'disputed']) expect([name, await counted(name)]).toEqual([name, ['one']]);
  for (const run of [canceled, abandoned, resumed, disputed]) expect([await finished(run), await processesWithMark(run.id)]).toEqual([1, []]);
});

test('a run whose worker was lost is canceled without being claimed again', async () => {
  const first = await work();
  const run = await submit({ prompt: script(count(ledger('lost')), SLOWLY) });
  await has(run, '"tool_result"');
  await lose(first, run);
  expect(await stand.store.get(run.id)).toMatchObject({ status: 'running', leaseExpired: true });
  expect((await stand.store.cancel(run.id)).kind).toBe('requested');
  await work();
  expect(await ended(run)).toMatchObject({ status: 'canceled', attempt: 1 });
  expect([await finished(run), await counted('lost')]).toEqual([1, ['one']]);
});

test.each([
  ['while its worker stops it', 'run.interrupted'],
  ['when it was handed over', 'run.handed_over'],
])('a run is canceled %s: it ends once, and nothing of it is left', async (_, moment) => {
  const first = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' });
  const run = await submit({ prompt: script(bash('echo one'), SLOWLY) });
  await has(run, '"tool_result"');
  const left = first.stop();
  await has(run, moment);
  expect((await stand.store.cancel(run.id)).kind).toMatch(/^(requested|canceled)$/);
  await left;
  await work();
  expect(await ended(run)).toMatchObject({ status: 'canceled', attempt: 1, outcome: { failure: null } });
  expect([await finished(run), await processesWithMark(run.id)]).toEqual([1, []]);
});
