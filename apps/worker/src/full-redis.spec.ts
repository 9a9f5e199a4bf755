// Redis without memory: what runs comes to its end, by itself and when it is told to, and nothing of it is missing without a word.
import { readFile } from 'node:fs/promises';
import type { CreateRun } from '@runyard/domain';
import type { RunRecord, StoredEvent } from '@runyard/run-store';
import { fakeClaude, redisCommand, waitFor } from '@runyard/testing';
import { afterEach, expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

/** A worker keeps more than this in memory for a run that goes on, and its program says more than ten times as much. */
const MUCH = 3 * 1024 * 1024;
/** In this time the worker has had its turn again and again; a program that is merely waiting for the processor would have said more. */
const REFUSALS = 6;
const TALKS = { RUNYARD_CLAUDE_BIN: fakeClaude('never-stops-talking') };

const stand = workerStand({});
const redis = (command: string, ...words: string[]) => redisCommand(stand.redis.connection, command, ...words);
const roomAgain = () => redis('CONFIG', 'SET', 'maxmemory', '0');
afterEach(roomAgain);

/** Everything above `bytes` is refused from now on: noeviction. */
async function full(bytes = 1): Promise<void> {
  await redis('CONFIG', 'SET', 'maxmemory', String(bytes));
  await waitFor(async () => (await redis('SET', 'anything', 'x').catch(String)) !== 'OK', { what: 'Redis to refuse' });
}

/** A run in the middle of far more output than the worker keeps, which Redis does not take. Its process is held back. */
async function heldBack(request: Partial<CreateRun> = {}): Promise<RunRecord> {
  const run = await stand.submit({ prompt: 'x', ...request });
  await waitFor(async () => (await stand.typesOf(run)).length > 10, { what: 'the first messages' });
  await full();
  const [pid] = await stand.processes(run, 1);
  let [before, since] = [0, 0];
  await waitFor(async () => {
    const written = Number(/wchar: (\d+)/.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1]);
    const count = await refusals();
    if (written <= MUCH || written !== before) [before, since] = [written, count];
    return count >= since + REFUSALS;
  }, { what: 'the process to be held back', timeoutMs: 60_000 });
  return run;
}

/** How many writes Redis has refused for want of memory. */
const refusals = async (): Promise<number> => Number(/errorstat_OOM:count=(\d+)/.exec(String(await redis('INFO', 'errorstats')))?.[1] ?? 0);

/** The worker sends what was refused again every half second. */
async function refusedAgain(times: number): Promise<void> {
  const before = await refusals();
  await waitFor(async () => (await refusals()) >= before + times, { what: 'more refusals' });
}

/** The whole log as `<type> <data>`, which is in order and without doubles. */
async function wholeLog({ id }: RunRecord): Promise<string[]> {
  const events: StoredEvent[] = [];
  for (let page: readonly StoredEvent[] | undefined; page === undefined || page.length > 0; events.push(...page)) {
    page = (await stand.store.readEvents(id, { after: events.at(-1)?.id, limit: 10_000 }))?.events ?? [];
  }
  const numbers = events.map((event) => Number(event.id.split('-')[1]));
  expect(numbers).toEqual([...new Set(numbers)].toSorted((x, y) => x - y));
  return events.map(({ type, data }) => `${type} ${data.toString()}`);
}

test('a run whose events Redis refuses keeps its lease, ends well, and its log is whole', async () => {
  await stand.work();
  const run = await stand.submit({ prompt: '[[slow n=400 delay=50]]' });
  await stand.streaming(run);
  const used = Number(/used_memory:(\d+)/.exec(String(await redis('INFO', 'memory')))?.[1]);
  await full(Math.max(1, used - 200_000));
  const before = (await stand.eventsOf(run)).length;
  const ended = await stand.ended(run);
  expect(ended).toMatchObject({ status: 'succeeded', attempt: 1, outcome: { failure: null } });
  await roomAgain();
  const events = await wholeLog(run);
  expect(events.length).toBeGreaterThan(before);
  expect(events).toEqual(expect.arrayContaining([expect.stringMatching(/^claude\.result /), expect.stringMatching(/^run\.finished /)]));
  expect(await stand.perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'succeeded' });
});

test('a run that is held back because Redis takes nothing can be canceled', async () => {
  await stand.work(TALKS);
  const run = await heldBack();
  expect((await stand.store.cancel(run.id)).kind).toBe('requested');
  expect(await stand.ended(run)).toMatchObject({ status: 'canceled', attempt: 1, outcome: { failure: null } });
  await stand.gone(run);
  await roomAgain();
  const events = await wholeLog(run);
  expect(events.at(-2)).toMatch(/^log\.stderr {"text":"\[\d+ lines of the CLI, \d+ bytes, are left out above: the run had to end while Redis took no events\]/);
  expect(events.at(-1)).toMatch(/^run\.finished /);
});

test('… and reaches its time limit', async () => {
  await stand.work(TALKS);
  const run = await heldBack({ timeout_seconds: 60 });
  expect(await stand.ended(run)).toMatchObject({ status: 'failed', attempt: 1, outcome: { failure: { code: 'timed_out' } } });
  await stand.gone(run);
});

test('… and ends when its process dies', async () => {
  await stand.work(TALKS);
  const run = await heldBack();
  for (const pid of await stand.processes(run, 1)) process.kill(pid, 'SIGKILL');
  expect(await stand.ended(run)).toMatchObject({ status: 'failed', attempt: 1 });
});

test('… and is handed over when its worker stops', async () => {
  const worker = await stand.work({ ...TALKS, RUNYARD_DRAIN_TIMEOUT_SECONDS: '0' });
  const run = await heldBack();
  worker.kill('SIGTERM');
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  expect(await stand.store.get(run.id)).toMatchObject({ status: 'queued', left: 'handed_over' });
  await stand.gone(run);
  await roomAgain();
  const events = await wholeLog(run);
  expect(events).toEqual(expect.arrayContaining([expect.stringMatching(/^run\.interrupted .*"handed_over"/), expect.stringMatching(/^run\.handed_over /)]));
  await stand.store.cancel(run.id);
});

test('… and is not taken for a silent one: when there is room again it goes on to its end, with every line', async () => {
  await stand.work({ RUNYARD_CLAUDE_BIN: fakeClaude('floods-its-output'), RUNYARD_SILENCE_TIMEOUT_SECONDS: '2' });
  const run = await heldBack();
  await refusedAgain(10);
  expect((await stand.store.get(run.id))?.status).toBe('running');
  await roomAgain();
  expect(await stand.ended(run)).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect((await wholeLog(run)).filter((event) => event.startsWith('log.stderr'))).toEqual([]);
});
