// Ends that nobody wished for, and the one that somebody did: cancel, drain, lost leases, killed workers. No process may be left.
import type { RunRecord } from '@runyard/run-store';
import { fakeClaude, processesWithMark, waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const KILLS = 20;
/** Bash starts a process in a session of its own and one without a parent; both would outlive everything that kills by group. */
const NASTY = `[[bash cmd="(setsid perl -e 'sleep 600' &) ; nohup perl -e 'sleep 601' >/dev/null 2>&1 & perl -e 'sleep 602'"]]`;
const STREAM = '[[slow n=6000 delay=50]]';

const stand = workerStand({ request: { allowed_tools: ['Bash'] } });
const { work, submit, until, ended, processes, gone, typesOf, streaming } = stand;

const claimed = (run: RunRecord) => until(run, 'its claim', ({ status }) => status === 'running');

test('cancel while text streams: what was said is kept, and the run ends canceled', async () => {
  await work();
  const run = await submit({ prompt: STREAM });
  await streaming(run);
  expect((await stand.store.cancel(run.id)).kind).toBe('requested');
  expect(await ended(run)).toMatchObject({ status: 'canceled', outcome: { failure: null } });
  expect(await processesWithMark(run.id)).toEqual([]);
  const types = await typesOf(run);
  // A CLI that answers the interrupt says as a whole what it has streamed; one that has no time for it before it is stopped does not.
  expect(types).toEqual(expect.arrayContaining(['input.received', types.includes('claude.result') ? 'claude.assistant' : 'claude.stream_event']));
  expect(types.at(-1)).toBe('run.finished');
  expect((await stand.store.cancel(run.id)).kind).toBe('already_terminal');
});

test('cancel while Bash runs: also processes with a session of their own are gone when the run ends', async () => {
  await work();
  const run = await submit({ prompt: NASTY });
  await processes(run, 5);
  await stand.store.cancel(run.id);
  expect(await ended(run)).toMatchObject({ status: 'canceled' });
  expect(await processesWithMark(run.id)).toEqual([]);
});

test('cancel of a CLI that ignores every signal, and a session that can go on after a cancel', async () => {
  const stubborn = await work({ RUNYARD_CLAUDE_BIN: fakeClaude('ignores-every-signal') });
  const run = await submit({ prompt: 'x' });
  await waitFor(async () => (await typesOf(run)).includes('claude.system'), { what: 'the first message' });
  await stand.store.cancel(run.id);
  expect(await ended(run)).toMatchObject({ status: 'canceled' });
  expect(await processesWithMark(run.id)).toEqual([]);
  await stubborn.stop();

  await work();
  const streamed = await submit({ prompt: STREAM });
  await streaming(streamed);
  await stand.store.cancel(streamed.id);
  await ended(streamed);
  expect(await ended(await submit({ prompt: '[[text n=1]]', session_id: streamed.sessionId }))).toMatchObject({ status: 'succeeded' });
});

test('SIGTERM: no more tickets, the running run ends well, then the worker leaves with 0', async () => {
  const worker = await work();
  const run = await submit({ prompt: '[[slow n=40 delay=50]]' });
  await streaming(run);
  worker.kill('SIGTERM');
  await worker.logged('draining: no more runs are taken');
  const late = await submit({ prompt: '[[text n=1]]' });
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  expect((await stand.store.get(run.id))?.status).toBe('succeeded');
  expect((await stand.store.get(late.id))?.status).toBe('queued');
  expect((await stand.store.workers()).map((record) => record.pid)).not.toContain(worker.pid);
  await work();
  expect(await ended(late)).toMatchObject({ status: 'succeeded', attempt: 1 });
});

test.each<[string, Record<string, string>, (worker: TestWorker) => void]>([
  ['when the grace is over', { RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' }, (worker: TestWorker) => worker.kill('SIGTERM')],
  ['at a second signal a while later', {}, (worker: TestWorker) => void worker.stop()],
  ['when the pipe to its parent closes', { RUNYARD_DRAIN_TIMEOUT_SECONDS: '1', RUNYARD_PARENT_PIPE: '1' }, (worker: TestWorker) => worker.closeParentPipe()],
])('a drain gives the runs back that are left %s; one in the middle of a command then waits for somebody', async (_, settings, stop) => {
  const worker = await work(settings);
  const run = await submit({ prompt: NASTY });
  await processes(run, 5);
  stop(worker);
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  expect(await processesWithMark(run.id)).toEqual([]);
  expect(await stand.store.get(run.id)).toMatchObject({ status: 'queued', left: 'handed_over' });
  await work();
  const waiting = await until(run, 'the wait', ({ status }) => status === 'waiting');
  expect(waiting).toMatchObject({ waitingFor: 'recovery', waitingDetail: expect.stringContaining('setsid perl') });
  expect((await stand.store.cancel(run.id)).kind).toBe('canceled');
});

test('a second signal after the grace ends the wait for the tool that is at work', async () => {
  const worker = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '0' });
  // It would end before the clean point is given up.
  const ledger = stand.ledger('second-signal');
  const run = await submit({ prompt: `[[bash cmd="echo begun >> ${ledger}; perl -e 'sleep 9'; echo ended >> ${ledger}"]]` });
  await waitFor(async () => (await stand.counted('second-signal')).length === 1, { what: 'the command', timeoutMs: 90_000 });
  worker.kill('SIGTERM');
  await worker.logged('handing over the runs that are left');
  // Not before a second has passed: one wish may arrive as two signals.
  const again = setInterval(() => worker.kill('SIGTERM'), 300);
  expect(await worker.exited.finally(() => clearInterval(again))).toEqual({ code: 0, signal: null });
  expect(await stand.counted('second-signal')).toEqual(['begun']);
  expect(await stand.store.get(run.id)).toMatchObject({ status: 'queued', left: 'handed_over' });
  expect((await stand.eventsOf(run)).find(({ type }) => type === 'run.interrupted')?.body).toMatchObject({ reason: 'handed_over', clean: false });
  await stand.store.cancel(run.id);
});

test(`${KILLS} kills of a worker leave no process, and no run without an end`, { timeout: 900_000 }, async () => {
  const runs: RunRecord[] = [];
  const started: RunRecord[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const worker = await work();
    const [tools, text] = [await submit({ prompt: NASTY, recovery: 'never' }), await submit({ prompt: STREAM, recovery: 'never' })];
    runs.push(tools, text);
    await Promise.all([claimed(tools), claimed(text)]);
    // Each time at another moment: the CLI is just being started, it streams, its commands run.
    if (kill % 3 === 1) await streaming(text);
    if (kill % 3 === 2) await processes(tools, 5);
    started.push(...(kill % 3 === 1 ? [text] : kill % 3 === 2 ? [tools] : []));
    worker.kill('SIGKILL');
    await worker.exited;
    await Promise.all([gone(tools), gone(text)]);
  }
  await work({ RUNYARD_CAPACITY: '40' });
  for (const run of started) expect((await ended(run)).outcome.failure?.code).toBe('worker_lost');
  // Those that were lost before anything of them was started begin anew, and would go on for minutes.
  for (const run of runs) await waitFor(async () => (await stand.store.cancel(run.id)).kind === 'already_terminal', { what: `the end of ${run.id}`, timeoutMs: 90_000 });
  expect((await Promise.all(runs.map((run) => processesWithMark(run.id)))).flat()).toEqual([]);
  for (const run of runs) expect((await typesOf(run)).filter((type) => type === 'run.finished')).toHaveLength(1);
});
