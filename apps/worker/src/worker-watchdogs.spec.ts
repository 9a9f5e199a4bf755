// Each watchdog through a real worker: its own failure code, what was said before is kept, and what only looks like a hang is none.
import type { CreateRun } from '@runyard/domain';
import { fakeClaude, processesWithMark } from '@runyard/testing';
import type { FakeClaude } from '@runyard/testing';
import { expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({
  environment: { RUNYARD_SILENCE_TIMEOUT_SECONDS: '1', RUNYARD_FIRST_MESSAGE_TIMEOUT_SECONDS: '30', RUNYARD_EXIT_TIMEOUT_SECONDS: '30' },
  model: false,
});

/** A worker whose silence limit is one second unless told otherwise, and the end of one run on it. */
async function perform(program: FakeClaude, request: CreateRun, more: Record<string, string> = {}) {
  await stand.work({ RUNYARD_CLAUDE_BIN: fakeClaude(program), ...more });
  const run = await stand.perform(request);
  const log = (await stand.eventsOf(run)).map(({ type, text }) => [type, text]);
  return { outcome: run.outcome, log: JSON.stringify(log), left: await processesWithMark(run.id) };
}

const HALF = 'half of an ';

test.each<[string, FakeClaude, CreateRun, Record<string, string>, object, RegExp]>([
  ['no first message', 'never-speaks', { prompt: 'x' }, { RUNYARD_FIRST_MESSAGE_TIMEOUT_SECONDS: '1' }, { code: 'stalled', message: expect.stringContaining('within 1 s of its start') }, /run\.started/],
  ['silence', 'stops-in-the-middle', { prompt: 'x' }, {}, { code: 'stalled', message: expect.stringContaining('silent for 1 s') }, new RegExp(HALF)],
  ['no exit', 'stays-after-its-result', { prompt: 'x' }, { RUNYARD_EXIT_TIMEOUT_SECONDS: '1' }, { code: 'not_exiting', message: expect.stringContaining('within 1 s of its last answer') }, /claude\.result/],
  ['the wall clock', 'stops-in-the-middle', { prompt: 'x', timeout_seconds: 15 }, { RUNYARD_SILENCE_TIMEOUT_SECONDS: '60' }, { code: 'timed_out', message: expect.stringContaining('limit of 15 s') }, new RegExp(HALF)],
])('%s ends the run with its own code, and what was said is kept', async (_, program, request, settings, failure, said) => {
  const { outcome, log, left } = await perform(program, request, settings);
  expect(outcome).toMatchObject({ status: 'failed', failure });
  expect(log).toMatch(said);
  expect(log).toMatch(/run\.finished/);
  // A result that was there before the CLI hung is in the outcome too.
  expect(outcome.result).toBe(program === 'stays-after-its-result' ? 'done' : null);
  expect(left).toEqual([]);
});

test.each(['3000', '3000 permission'])('a CLI that says nothing because it waits for a tool or for somebody (%s) is not stalled', async (prompt) => {
  const { outcome, left } = await perform('takes-long-over-a-tool', { prompt });
  expect(outcome).toMatchObject({ result: 'made everything' });
  expect(outcome.failure?.code).not.toBe('stalled');
  expect(left).toEqual([]);
});
