// What counts over all attempts of a run: losses, time, money; and what a restart finds in its workspace.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { processesWithMark } from '@runyard/testing';
import { expect, test } from 'vitest';
import { bash, script, SLOWLY } from './demo-prompts.fixture.js';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CLAUDE_MAX_RETRIES: '0' }, request: { allowed_tools: ['Bash'] } });
const { work, workDoomed, submit, until, ended, eventsOf, typesOf, has, streaming, lose, ledger, counted } = stand;

test('a run that takes down each of its workers is started three times, then it has failed', async () => {
  const { id } = await stand.store.create({ request: { prompt: '[[text n=1]]' }, trigger: 'api' }).then((answer) => {
    if (answer.kind !== 'created') throw new Error(answer.kind);
    return answer.run;
  });
  for (let start = 1; start <= 3; start += 1) {
    const { worker } = await workDoomed(`K1:${id}*`);
    expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(await stand.store.get(id)).toMatchObject({ attempt: start, spawned: start, losses: start - 1 });
    await lose(worker, { id });
  }
  const { worker } = await workDoomed();
  const over = await ended({ id });
  expect(over).toMatchObject({ status: 'failed', attempt: 4, spawned: 3, losses: 3, outcome: { failure: { code: 'poisoned' } } });
  expect(over.workerId).toBe((await worker.logged('worker ready'))['worker_id']);
  expect((await typesOf({ id })).filter((type) => type === 'run.resumed')).toHaveLength(2);
  expect(await processesWithMark(id)).toEqual([]);
});

test('the time limit counts the time with all workers: of two runs with the same limit the one that ran before ends first', async () => {
  const first = await work();
  const limits = { timeout_seconds: 25 };
  const run = await submit({ prompt: '[[slow n=6000 delay=50]]', recovery: 'resume', ...limits });
  await until(run, 'ten seconds of work', ({ startedAt }) => startedAt !== null && Date.now() - Date.parse(startedAt) > 10_000);
  await lose(first, run);
  await work();
  await until(run, 'its second attempt', ({ attempt, status }) => attempt === 2 && status === 'running');
  const fresh = await submit({ prompt: '[[slow n=6000 delay=50]]', ...limits });
  await until(fresh, 'its start', ({ status }) => status === 'running');
  const [before, after] = await Promise.all([ended(run), ended(fresh)]);
  for (const one of [before, after]) expect(one).toMatchObject({ status: 'failed', outcome: { failure: { code: 'timed_out', message: expect.stringContaining('25 s') } } });
  expect(Date.parse(before.endedAt ?? '')).toBeLessThan(Date.parse(after.endedAt ?? ''));
});

test('the budget counts what all attempts cost: one that is used up starts no process', async () => {
  const first = await work();
  // The CLI looks at its budget when a turn is over; this one is lost before that.
  const run = await submit({ prompt: script(SLOWLY), max_budget_usd: 0.000_001 });
  await streaming(run);
  await lose(first, run);
  const asked = await stand.asked(run);
  await work();
  const over = await ended(run);
  expect(over).toMatchObject({ status: 'failed', attempt: 2, spawned: 1, outcome: { cost_estimated: true, failure: { code: 'max_budget', message: expect.stringContaining('attempts so far') } } });
  expect(over.outcome.cost_usd).toBeGreaterThan(0.000_001);
  expect(await stand.asked(run)).toBe(asked);
});

test('the price and the tokens of a run are those of all its attempts', async () => {
  const first = await work({ RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' });
  const run = await submit({ prompt: script(bash('echo one'), SLOWLY) });
  await has(run, '"tool_result"');
  await first.stop();
  await work();
  const over = await ended(run);
  const told = await stand.toldItsPrice(run);
  expect(over).toMatchObject({ status: 'succeeded', attempt: 2, outcome: { cost_estimated: !told.result && !told.transcript } });
  const results = (await eventsOf(run)).filter(({ type }) => type === 'claude.result').map(({ id, body }) => ({ attempt: Number(id.split('-')[0]), body }));
  const { attempt = 0, body = {} } = results.at(-1) ?? {};
  expect(attempt).toBe(2);
  // The CLI counts the price over the session, the rest over its process. What the first one did not tell is estimated.
  if (told.result || told.transcript) expect(over.outcome.cost_usd).toBeCloseTo(Number(body['total_cost_usd']), 6);
  else expect(over.outcome.cost_usd).toBeGreaterThan(Number(body['total_cost_usd']));
  expect(over.outcome.usage?.output_tokens).toBeGreaterThan((body['usage'] as { readonly output_tokens: number }).output_tokens);
  // Turns are told by results alone.
  if (told.result) expect(over.outcome.num_turns).toBeGreaterThan(Number(body['num_turns']));
  else expect(over.outcome.num_turns).toBe(body['num_turns']);
});

test('a restart begins in an empty scratch workspace; a directory is left as it is', async () => {
  const path = join(stand.base, 'projects', 'kept');
  await mkdir(path);
  const look = (name: string) => script(bash(`echo "found $(ls | tr '\\n' ' ')" >> ${ledger(name)}; touch made`), { text: 'end' });
  const { worker, arm } = await workDoomed();
  const scratch = await submit({ prompt: look('scratch'), recovery: 'restart' });
  await arm(`K5:${scratch.id}`);
  await worker.exited;
  await lose(worker, scratch);
  const second = await workDoomed();
  expect(await ended(scratch)).toMatchObject({ status: 'succeeded', attempt: 2 });
  const directory = await submit({ prompt: look('directory'), recovery: 'restart', workspace: { type: 'directory', path } });
  await second.arm(`K5:${directory.id}`);
  await second.worker.exited;
  await lose(second.worker, directory);
  await work();
  expect(await ended(directory)).toMatchObject({ status: 'succeeded', attempt: 2 });
  expect([await counted('scratch'), await counted('directory')]).toEqual([['found ', 'found '], ['found ', 'found made ']]);
});
