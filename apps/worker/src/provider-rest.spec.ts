// What a worker takes while others can do its runs and it cannot: nothing, or one to ask with; on a real queue.
import { RunConsumer, RunQueue } from '@runyard/run-queue';
import type { Stance } from '@runyard/run-store';
import { createLogger } from '@runyard/telemetry';
import { testRedis, waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Intake } from './intake.js';
import { ProviderRest } from './provider-rest.js';

vi.setConfig({ testTimeout: 60_000 });

let redis: TestRedis;

beforeAll(async () => {
  redis = await testRedis();
}, 300_000);
afterAll(() => redis?.stop());
beforeEach(() => redis.flush());

/** A worker with room for four that keeps what it takes; `says` is what the store answers, an error included. */
function stage() {
  const queue = RunQueue.open({ redis: redis.connection });
  const taken: string[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const said: { stance: Stance | Error } = { stance: 'go_on' };
  const provider = new ProviderRest({
    stance: async () => {
      if (said.stance instanceof Error) throw said.stance;
      return said.stance;
    },
    intake: () => intake,
    log: createLogger({ name: 'test', level: 'silent' }),
  });
  const consumer = RunConsumer.open({
    redis: redis.connection,
    capacity: 4,
    handle: async ({ runId }) => {
      provider.onTicket();
      taken.push(runId);
      await released;
    },
  });
  const intake = new Intake({ consumer, leaving: () => false, onError: (error) => expect.unreachable(String(error)) });
  onTestFinished(async () => {
    release();
    await consumer.close({ force: true });
    await queue.close();
  });
  const says = (stance: Stance | Error): Promise<void> => {
    said.stance = stance;
    return provider.look();
  };
  const add = async (...ids: string[]) => {
    for (const runId of ids) await queue.enqueue({ runId, dispatch: 1 });
  };
  return { queue, provider, intake, taken, says, add };
}

/** Another worker takes what is there, which is when the first one has had its chance. */
function others(): string[] {
  const taken: string[] = [];
  const consumer = RunConsumer.open({ redis: redis.connection, capacity: 1, handle: async ({ runId }) => void taken.push(runId) });
  onTestFinished(() => consumer.close({ force: true }));
  return taken;
}

test('at rest it takes nothing, to ask it takes one, and then as many as it has room for', async () => {
  const { taken, says, add, provider, intake } = stage();
  provider.rest();
  expect(intake.isHeld).toBe(true);
  await add('a', 'b', 'c');
  await says('ask');
  await waitFor(() => taken.length > 0, { what: 'the one to ask with' });
  const elsewhere = others();
  await waitFor(() => elsewhere.length === 2, { what: 'the others at the other worker' });
  expect([taken, elsewhere, intake.isHeld]).toEqual([['a'], ['b', 'c'], true]);
  await says('go_on');
  expect(intake.isHeld).toBe(false);
});

test('other reasons to take nothing stay, and a store that does not answer changes nothing', async () => {
  const { taken, says, add, queue, intake } = stage();
  await says('rest');
  intake.hold('disk');
  await says('go_on');
  await add('a');
  expect([intake.isHeld, taken, await queue.depth()]).toEqual([true, [], 1]);
  await says('rest');
  intake.letGo('disk');
  await says(new Error('away'));
  expect([intake.isHeld, taken]).toEqual([true, []]);
  await says('go_on');
  await waitFor(() => taken.length === 1, { what: 'the ticket' });
});
