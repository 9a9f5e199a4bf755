// What a worker leaves behind when it stops in the middle: tools that had not begun, a workspace that is gone, what it has cost.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateRun } from '@runyard/domain';
import type { RunRecord } from '@runyard/run-store';
import { fakeClaude, waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { expect, test } from 'vitest';
import { bash, count, script, SLOWLY } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CLAUDE_MAX_RETRIES: '0' }, request: { allowed_tools: ['Bash'] } });
const { work, submit, until, ended, has, ledger, counted } = stand;

/** A run that has used its tool once, talks on, and is handed over while nobody takes it. */
async function handedOver(name: string, more: Partial<CreateRun> = {}): Promise<RunRecord> {
  const first = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' });
  const run = await submit({ prompt: script(count(ledger(name)), SLOWLY), ...more });
  await has(run, '"tool_result"');
  await first.stop();
  return until(run, 'the hand-over', ({ status }) => status === 'queued');
}

const go = (name: string): string => ledger(`${name}.go`);
/** A command that has left its line and ends when somebody says so. */
const held = (name: string): string => `echo one >> ${ledger(name)}; until test -e ${go(name)}; do sleep 0.1; done`;
const begun = (name: string): Promise<true> => waitFor(async () => (await counted(name)).length === 1, { what: `the command of ${name}`, timeoutMs: 90_000 });

/** Asked once, it waits for a clean point: for the end of this command. */
async function leaves(worker: TestWorker, name: string): Promise<void> {
  worker.kill('SIGTERM');
  await worker.logged('handing over the runs that are left');
  await writeFile(go(name), '');
  await worker.exited;
}

test('a tool that was asked for and had not begun needs nobody to decide', async () => {
  const first = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' });
  const rounds = [{ blocks: [bash(held('begun')), count(ledger('held'))] }, { blocks: [{ text: 'end' }] }];
  const run = await submit({ prompt: `[[script ${JSON.stringify({ rounds })}]]` });
  await begun('begun');
  await leaves(first, 'begun');
  const events = await stand.eventsOf(run);
  const at = events.findIndex(({ type }) => type === 'run.interrupted');
  // The CLI may not yet have come to ask for the second one.
  const asked = events.slice(0, at).filter(({ text }) => text.includes('"hook_callback"')).length;
  expect(events[at]?.body).toMatchObject({ clean: true, held: asked > 1 ? [expect.any(String)] : [] });
  expect([await counted('begun'), await counted('held')]).toEqual([['one'], []]);
  await work();
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 2 });
  expect(await counted('begun')).toEqual(['one']);
});

test('it cannot go on where it is taken up again: it waits for somebody, and goes on when that is mended', async () => {
  const path = join(stand.base, 'projects', 'away');
  await mkdir(path);
  const run = await handedOver('away', { workspace: { type: 'directory', path } });
  await rm(path, { recursive: true });
  await work();
  const waiting = await until(run, 'the wait', ({ status }) => status === 'waiting');
  expect(waiting).toMatchObject({ waitingFor: 'recovery', attempt: 2, waitingDetail: expect.stringMatching(/could not go on.*resume, restart or abandon/) });
  await mkdir(path);
  await stand.store.recover(run.id, 'resume');
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 3 });
  expect(await counted('away')).toEqual(['one']);
});

test('a CLI that does not take the conversation up lets it wait, too: nothing is begun anew, nothing is given up', async () => {
  const run = await handedOver('complains');
  const second = await work({ RUNYARD_CLAUDE_BIN: fakeClaude('complains-and-exits') });
  expect(await until(run, 'the wait', ({ status }) => status === 'waiting')).toMatchObject({ waitingFor: 'recovery', attempt: 2, waitingDetail: expect.stringMatching(/^It could not go on: .*resume, restart or abandon/s) });
  await second.stop();
  await work();
  await stand.store.recover(run.id, 'resume');
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 3 });
  expect(await counted('complains')).toEqual(['one']);
});

test('an answer that only says that a subagent was started is not the end of the run', async () => {
  const first = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' });
  const agent = { tool: 'Task', input: { description: 'look', subagent_type: 'general-purpose', prompt: `[[bash cmd="${held('inner')}"]]` } };
  const run = await submit({ prompt: script(agent, { text: 'it is started' }) });
  await has(run, '"agent_id"');
  await has(run, 'claude.result');
  await begun('inner');
  await leaves(first, 'inner');
  // The turn that the subagent's end starts may still have come to its end.
  await work();
  const over = await ended(run);
  expect(over.status).toBe('succeeded');
  expect([over.outcome.result === 'it is started', await counted('inner')]).toEqual([false, ['one']]);
});

test('… not even when its worker is in a hurry and the subagent is stopped with it: somebody is asked about the command that was cut off', async () => {
  const first = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '600' });
  const agent = { tool: 'Task', input: { description: 'look', subagent_type: 'general-purpose', prompt: `[[bash cmd="echo one >> ${ledger('cut')}; perl -e 'sleep 600'; echo two >> ${ledger('cut')}"]]` } };
  const run = await submit({ prompt: script(agent, { text: 'it is started' }) });
  await has(run, 'claude.result');
  await begun('cut');
  await first.stop();
  expect(await stand.store.get(run.id)).toMatchObject({ status: 'queued', left: 'handed_over' });
  await work();
  expect(await until(run, 'the wait', ({ status }) => status === 'waiting')).toMatchObject({ waitingFor: 'recovery', waitingDetail: expect.stringContaining('sleep 600') });
  expect(await counted('cut')).toEqual(['one']);
  await stand.store.cancel(run.id);
});

test('a run whose result is there is over, although its process had to be stopped', async () => {
  const first = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '1', RUNYARD_CLAUDE_BIN: fakeClaude('stays-after-its-result') });
  const run = await submit({ prompt: 'hello' });
  await has(run, 'claude.result');
  await first.stop();
  expect(await stand.store.get(run.id)).toMatchObject({ status: 'succeeded', attempt: 1, outcome: { failure: null } });
});

test('what it has cost so far is told although no worker ends it', async () => {
  const run = await handedOver('cost');
  await stand.store.cancel(run.id);
  const { outcome } = await ended(run);
  const told = await stand.toldItsPrice(run);
  expect(outcome).toMatchObject({ status: 'canceled', cost_estimated: !told.result && !told.transcript, usage: { input_tokens: expect.any(Number) } });
  expect(outcome.cost_usd).toBeGreaterThan(0);
  expect(outcome.duration_ms).toBeGreaterThan(0);
});
