// A store that refuses what a run writes, whenever it is sent: a defect must not keep the run, and its place, for ever.
import { processesWithMark, redisCommand } from '@runyard/testing';
import { expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CAPACITY: '1' } });

test('the run ends as failed, says why, and the next one gets its place', async () => {
  const worker = await stand.work();
  const run = await stand.submit({ prompt: '[[slow n=6000 delay=50]]' });
  await stand.streaming(run);
  // As if a later flush had been there: none of this attempt can be added any more.
  await redisCommand(stand.redis.connection, 'HSET', `runyard:run:${run.id}`, 'flush', '1:999999:1:1:1');
  expect(await stand.ended(run)).toMatchObject({ status: 'failed', attempt: 1, outcome: { failure: { code: 'internal', message: expect.stringContaining('came after flush') as string } } });
  expect(await processesWithMark(run.id)).toEqual([]);
  expect(await stand.perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'succeeded' });
  expect((await worker.logged('the store does not take the events of the run: it ends'))['run_id']).toBe(run.id);
});

test('a claim that can never be answered keeps no place', async () => {
  await stand.work();
  const answer = await stand.store.create({ request: { prompt: '[[text n=1]]' }, trigger: 'api' });
  if (answer.kind !== 'created') throw new Error(answer.kind);
  await redisCommand(stand.redis.connection, 'HSET', `runyard:run:${answer.run.id}`, 'attempt', 'no number');
  await stand.queue.enqueue({ runId: answer.run.id, dispatch: 1, priority: 10 });
  expect(await stand.perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'succeeded' });
});
