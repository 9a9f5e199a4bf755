// Stopping and starting again: with a run in flight, and from a backup on an empty machine.
import type { ApiClient } from '@runyard/api-client';
import type { Run, RunEvent } from '@runyard/domain';
import { waitFor } from '@runyard/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectGapless, FollowedRun } from './followed-run.js';
import { Ledger, script, SLOWLY } from './ledger.js';
import { NOTHING_DENIED, Stack } from './stack.js';

let stack: Stack;
let client: ApiClient;
beforeAll(async () => {
  stack = await Stack.start('stop');
  client = await stack.client();
});
afterAll(() => stack?.close());

async function eventsOf(id: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of client.events(id)) events.push(event);
  return events;
}

/** Where Redis and the data directory are, the key and everything that is known of the runs. */
async function everything(ids: readonly string[]): Promise<unknown> {
  const key = await stack.compose('exec', '-T', 'api', 'runyard', 'key');
  return { key, runs: await Promise.all(ids.map((id) => client.run(id))), events: await Promise.all(ids.map(eventsOf)) };
}

test('compose down with a run in flight: the run is finished first, and everything is there after the next up', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=12 delay=500]]' });
  await followed.untilTalking();
  await stack.compose('down');
  expect(await stack.containers()).toEqual([]);

  await stack.up();
  // The pieces of text are kept for a minute after the end, and the viewer may ask only every half a minute by now.
  await followed.comeBack();
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expectGapless(followed);
  expect(followed.text).toBe(run.result);
});

test('every container is replaced, as an upgrade does, with a run in flight: the old worker finishes it, the viewer sees all of it', async () => {
  const followed = await FollowedRun.start(client, { prompt: '[[slow n=12 delay=500]]' });
  await followed.untilTalking();
  const ids = async () => (await Promise.all(['api', 'worker'].map((service) => stack.container(service)))).map(({ Id }) => Id);
  const before = await ids();
  stack.settings = { RUNYARD_LOG_LEVEL: 'debug' };
  await stack.up();
  expect((await ids()).filter((id) => before.includes(id))).toEqual([]);
  const run = await followed.over();
  expect(run).toMatchObject({ status: 'succeeded', attempt: 1 });
  expectGapless(followed);
  expect(followed.text).toBe(run.result);
});

test('Redis is replaced together with the worker, with a run in flight: the old worker does not wait for a Redis that is gone, the run goes on in the new one', async () => {
  const ledger = new Ledger(stack, 'replaced');
  const followed = await FollowedRun.start(client, script({ bash: ledger.note }, SLOWLY));
  await followed.untilToolDone();
  await followed.untilTalking();
  // Compose stops Redis first and starts it only when the worker, too, has ended. Without --wait, which gives up when the API
  // is unhealthy for a moment: it may be, when Redis is away for so long.
  stack.settings = { RUNYARD_REDIS_MAXMEMORY: '256mb', RUNYARD_CAPACITY: '2' };
  await stack.compose('up', '-d', '--no-build');
  expect(await followed.over()).toMatchObject({ status: 'succeeded', attempt: 2 });
  expectGapless(followed);
  expect(await ledger.attempts()).toEqual([1]);
});

test('a backup that was taken while runs were going on brings everything back on an empty machine', async () => {
  const edit = await FollowedRun.start(client, { prompt: '[[edit]]' });
  const small = await edit.over();
  const large = await (await FollowedRun.start(client, { prompt: '[[long kb=512]]' })).over();
  const live = await FollowedRun.start(client, script({ bash: 'echo "$RUNYARD_RUN_MARK" >> ledger' }, SLOWLY));
  await live.untilToolDone();
  await live.untilTalking();
  const ids = [small.id, large.id];
  const before = await everything(ids);

  const saved = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'save']);
  expect(saved.code, saved.text.slice(0, 2000)).toBe(0);
  const early = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'load'], saved.stdout);
  expect(early.code).not.toBe(0);
  expect(early.text).toContain('stop everything first: docker compose down');

  await stack.compose('down', '-v', '-t', '1');
  const load = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'load'], saved.stdout);
  expect(load.code, load.text).toBe(0);
  await stack.up();
  client = await stack.client();
  expect(await everything(ids)).toEqual(before);
  expect(await stack.shell('worker', `cat ${edit.directory}/runyard-demo.md`)).toContain('state: done');
  // Its worker does not exist any more; its workspace and its conversation do.
  expect(await over(live.id)).toMatchObject({ status: 'succeeded', attempt: 2 });
  expect((await stack.shell('worker', `cat ${live.directory}/ledger`)).split('\n')).toEqual([expect.stringContaining(`${live.id}.1.`)]);
  expect(await (await FollowedRun.start(client, { prompt: 'goes on', session_id: small.session_id })).over()).toMatchObject({ status: 'succeeded' });
});

test('a worker is replaced under runs that are longer than its grace: they go on in the new one, the viewers see one stream each, nothing is done twice', async () => {
  stack.settings = { RUNYARD_DRAIN_TIMEOUT_SECONDS: '2' };
  await stack.up();
  client = await stack.client();
  const ledgers = { talking: new Ledger(stack, 'talking'), busy: new Ledger(stack, 'busy'), stuck: new Ledger(stack, 'stuck') };
  const talking = await FollowedRun.start(client, script({ bash: ledgers.talking.note }, SLOWLY));
  await talking.untilToolDone();
  // Comes to a clean point some seconds after the grace is over; the other never does.
  const busy = await FollowedRun.start(client, script({ bash: `for i in 1 2 3 4 5 6; do ${ledgers.busy.note}; sleep 1; done` }, SLOWLY));
  const stuck = await FollowedRun.start(client, script({ bash: `${ledgers.stuck.note}; tail -f /dev/null` }, { text: 'end' }));
  await Promise.all([ledgers.busy.until(1), ledgers.stuck.until(1), talking.untilTalking()]);
  const before = (await stack.container('worker')).Id;
  stack.settings = { ...stack.settings, RUNYARD_CAPACITY: '8' };
  await stack.up();
  expect((await stack.container('worker')).Id).not.toBe(before);

  const handedOver = ['run.queued', 'run.started', 'run.interrupted', 'run.handed_over', 'run.queued', 'run.started'];
  for (const followed of [talking, busy]) {
    const run = await followed.over();
    expect(run).toMatchObject({ status: 'succeeded', attempt: 2 });
    // A CLI that does not end in time is killed before it tells its price.
    const isPriceTold = followed.events.some(({ type, id }) => type === 'claude.result' && id.startsWith('1-'));
    if (isPriceTold) expect(run.cost_estimated).toBe(false);
    expect(followed.history).toEqual([...handedOver, 'run.resumed', 'run.finished']);
    expect(followed.events.find(({ type }) => type === 'run.interrupted')?.data).toMatchObject({ reason: 'handed_over', clean: true });
    expect(followed.textOf(2)).toContain(run.result);
  }
  await waitFor(async () => (await client.run(stuck.id)).waiting_for === 'recovery', { what: 'the run whose command had not ended to wait', timeoutMs: 60_000 });
  await client.recover(stuck.id, 'abandon');
  expect(await stuck.over()).toMatchObject({ status: 'failed', failure: { code: 'worker_lost' } });
  expect(stuck.history).toEqual([...handedOver, 'run.waiting', 'run.finished']);
  for (const followed of [talking, busy, stuck]) {
    expectGapless(followed);
    expect(followed.reconnects).toBe(0);
  }
  expect(await Promise.all(Object.values(ledgers).map((ledger) => ledger.attempts()))).toEqual([[1], [1, 1, 1, 1, 1, 1], [1]]);
});

test('a run that may not finish is handed over, also when everything is stopped; a broken backup is refused and costs nothing', async () => {
  stack.settings = { RUNYARD_DRAIN_TIMEOUT_SECONDS: '1' };
  await stack.up();
  const ledger = new Ledger(stack, 'stopped');
  const followed = await FollowedRun.start(client, script({ bash: ledger.note }, SLOWLY));
  await followed.untilToolDone();
  await followed.untilTalking();
  const saved = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'save']);
  await stack.compose('down');
  for (const broken of [Buffer.alloc(0), Buffer.from('no archive'), saved.stdout.subarray(0, saved.stdout.length >> 1)]) {
    const load = await stack.tryCompose(['run', '--rm', '-T', 'backup', 'load'], broken);
    expect(load.code).not.toBe(0);
    expect(load.text).toContain('this is no complete backup; nothing was changed');
  }

  await stack.up();
  expect(await followed.over()).toMatchObject({ status: 'succeeded', attempt: 2 });
  expectGapless(followed);
  expect(followed.history).toContain('run.handed_over');
  expect(await ledger.attempts()).toEqual([1]);
  expect(await stack.deniedByRedis()).toEqual(NOTHING_DENIED);
});

/** The run when it is over, without looking at its events: its viewer may know more than the backup. */
async function over(id: string): Promise<Run> {
  await waitFor(async () => (await client.run(id)).ended_at !== null, { what: `the end of ${id}`, timeoutMs: 90_000 });
  return client.run(id);
}
