// Workers that are killed, cut off or frozen in the middle of runs: another one goes on, and nothing is done twice.
import { sessionUuidOf } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import type { ApiClient } from '@runyard/api-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from './docker.js';
import { expectGapless, FollowedRun } from './followed-run.js';
import { Ledger, script, SLOWLY } from './ledger.js';
import { NOTHING_DENIED, Stack } from './stack.js';

let stack: Stack;
let client: ApiClient;
beforeAll(async () => {
  stack = await Stack.start('recovery');
  client = await stack.client();
});
afterAll(() => stack?.close());

const ENDLESS = 'tail -f /dev/null';

test('kill -9 of the worker: the viewer sees its run go on in a second attempt; what is not safe waits for somebody; nothing is done twice', async () => {
  const ledgers = { cut: new Ledger(stack, 'cut'), during: new Ledger(stack, 'during'), never: new Ledger(stack, 'never') };
  const cut = await FollowedRun.start(client, script({ bash: ledgers.cut.note }, SLOWLY));
  const during = await FollowedRun.start(client, script({ bash: `${ledgers.during.note}; ${ENDLESS}` }, { text: 'end' }));
  const never = await FollowedRun.start(client, { ...script({ bash: ledgers.never.note }, SLOWLY), recovery: 'never' });
  const unanswered = await FollowedRun.start(client, { prompt: '[[slow n=3000 delay=100]]' });
  await Promise.all([cut.untilToolDone(), never.untilToolDone(), ledgers.during.until(1), unanswered.untilTalking()]);
  await cut.untilTalking();
  const ofFirstAttempt = await processesOf(cut, during, never, unanswered);
  expect(ofFirstAttempt.length).toBeGreaterThanOrEqual(4);
  const filesOfFirstAttempt = await temporaryFiles();
  expect(filesOfFirstAttempt).not.toEqual([]);

  await stack.killProcess('worker');
  expect((await processesOf(cut, during, never, unanswered)).filter((process) => ofFirstAttempt.includes(process))).toEqual([]);
  expect((await temporaryFiles()).filter((name) => filesOfFirstAttempt.includes(name))).toEqual([]);

  const run = await cut.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 2, cost_estimated: true });
  expect(cut.history).toEqual(['run.queued', 'run.started', 'run.queued', 'run.started', 'run.resumed', 'run.finished']);
  expect(cut.textOf(2)).toContain(run.result);
  expect(cut.reconnects).toBe(0);
  expect(await never.over()).toMatchObject({ status: 'failed', failure: { code: 'worker_lost' }, attempt: 2 });

  await waitFor(async () => (await client.run(during.id)).waiting_for === 'recovery', { what: 'the run that was in the middle of a command to wait', timeoutMs: 60_000 });
  await stack.compose('exec', '-T', 'api', 'runyard', 'recover', during.id, 'resume');
  expect(await during.over()).toMatchObject({ status: 'succeeded', attempt: 3 });
  await unanswered.until('its second start', ({ type, id }) => type === 'claude.stream_event' && id.startsWith('2-'));
  await client.cancel(unanswered.id);
  expect((await unanswered.over()).status).toBe('canceled');

  for (const followed of [cut, during, never, unanswered]) expectGapless(followed);
  expect(await Promise.all(Object.values(ledgers).map((ledger) => ledger.attempts()))).toEqual([[1], [1], [1]]);
  await expectNothingLeft();
});

test('the worker is cut off for longer than its lease: its process ends by itself, the run goes on when it is back', async () => {
  const ledger = new Ledger(stack, 'cut-off');
  const followed = await FollowedRun.start(client, script({ bash: ledger.note }, SLOWLY));
  await followed.untilToolDone();
  await followed.untilTalking();
  await stack.withoutNetwork('worker', async () => {
    await waitFor(async () => (await processesOf(followed)).length === 0, { what: 'claude to be ended without the network', timeoutMs: 60_000 });
    // Not the reason of the run: it shows only until somebody puts the run back into the queue, a second at most.
    await followed.until('the loss of its lease', ({ type, data }) => type === 'run.queued' && (data as { reason: string | null }).reason === 'lease_expired');
  });
  const run = await followed.over();
  expect(run.status).toBe('succeeded');
  expect(run.attempt).toBeGreaterThan(1);
  expect(followed.textOf(run.attempt)).toContain(run.result);
  expectGapless(followed);
  expect(await ledger.attempts()).toEqual([1]);
  await expectNothingLeft();
});

test('the container of a worker is frozen: another worker goes on, and what thaws is ended before it can do more', async () => {
  stack.settings = { RUNYARD_WORKERS: '2' };
  await stack.up();
  const ledger = new Ledger(stack, 'frozen');
  const ticking = `while :; do ${ledger.note}; sleep 0.1; done`;
  const followed = await FollowedRun.start(client, { ...script({ bash: ticking }, { text: 'end' }), recovery: 'resume' });
  await ledger.until(3);
  const frozen = await containerOf((await client.run(followed.id)).worker_id);
  await waitFor(() => pause(frozen), { what: 'the engine to freeze the worker', timeoutMs: 60_000 });
  try {
    await followed.until('its second attempt', ({ type, data }) => type === 'run.resumed' && (data as { attempt: number }).attempt === 2);
  } finally {
    const before = (await ledger.attempts()).length;
    await docker('unpause', frozen);
    await waitFor(async () => (await stack.processesWith(ledger.path)).length === 0, { what: 'the frozen tool to be ended', timeoutMs: 60_000 });
    const late = (await ledger.attempts()).length - before;
    console.log(`a tool that was frozen in the middle of its work wrote ${late} lines, one each 100 ms, after the thaw`);
    // Nobody can end it while it is frozen: docs/reliability.md. Without a warden it would go on for two minutes.
    expect(late).toBeLessThan(30);
  }
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 2 });
  expect(await containerOf(run.worker_id)).not.toBe(frozen);
  expectGapless(followed);
  expect(new Set(await ledger.attempts())).toEqual(new Set([1]));
  await waitFor(async () => (await client.workers()).filter(({ state }) => state === 'ready').length === 2, { what: 'both workers to be ready', timeoutMs: 60_000 });
  await expectNothingLeft();
});

test('whatever recovery does is within its rights in Redis', async () => {
  expect(await stack.deniedByRedis()).toEqual(NOTHING_DENIED);
});

/** The claude processes of runs, on the whole machine. */
async function processesOf(...runs: readonly FollowedRun[]): Promise<string[]> {
  return (await Promise.all(runs.map(({ sessionId }) => stack.processesWith(sessionUuidOf(sessionId))))).flat();
}

async function containerOf(workerId: string | null): Promise<string> {
  const host = (await client.workers()).find(({ id }) => id === workerId)?.host ?? 'nowhere';
  const container = (await stack.containers('worker')).find(({ Id }) => Id.startsWith(host));
  if (container === undefined) throw new Error(`no container has worker ${workerId} (${host})`);
  return container.Id;
}

/** Whether the engine has frozen it: on a busy machine it may give up, and thaws it, when new processes come while it freezes. */
function pause(container: string): Promise<boolean> {
  return docker('pause', container).then(() => true, (error: unknown) => {
    if (String(error).includes('unable to freeze')) return false;
    throw error;
  });
}

/** What runs have in the memory of the only worker, or of all. */
async function temporaryFiles(): Promise<string[]> {
  const containers = await stack.containers('worker');
  const lists = await Promise.all(containers.map(({ Id }) => docker('exec', Id, 'ls', '-A', '/tmp', '/home/runyard')));
  return lists.flatMap((list) => list.split('\n')).filter((line) => line !== '' && !/^\/(tmp|home\/runyard):$/.test(line));
}

/** No file of a run that is over, and a new run works. */
async function expectNothingLeft(): Promise<void> {
  expect(await (await FollowedRun.start(client, { prompt: 'hello' })).over()).toMatchObject({ status: 'succeeded', attempt: 1 });
  await waitFor(async () => (await temporaryFiles()).length === 0, { what: 'the temporary files of the runs to be gone', timeoutMs: 30_000 });
}
