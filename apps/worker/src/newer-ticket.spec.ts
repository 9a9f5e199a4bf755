// A real worker and what a newer version has put into the queue.
import { TICKET_VERSION } from '@runyard/domain';
import { redisCommand, waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({ environment: { RUNYARD_CAPACITY: '2' } });

test('a ticket or a record of a newer version is handed on, later and untouched, and what is known is worked on meanwhile', async () => {
  const { store, queue } = stand;
  const byTicket = await store.create({ request: { prompt: 'x' }, trigger: 'api' });
  const byRecord = await store.create({ request: { prompt: 'x' }, trigger: 'api' });
  if (byTicket.kind !== 'created' || byRecord.kind !== 'created') throw new Error('not created');
  await queue.enqueue({ runId: byTicket.run.id, dispatch: 1, v: TICKET_VERSION + 1 });
  await redisCommand(stand.redis.connection, 'HSET', `runyard:run:${byRecord.run.id}`, 'v', '2');
  await queue.enqueue({ runId: byRecord.run.id, dispatch: 1 });
  const worker = await stand.work();
  expect(await stand.perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'succeeded' });
  for (const { run } of [byTicket, byRecord]) {
    await stand.until(run, 'its second dispatch', ({ dispatch }) => dispatch >= 2);
    expect(await store.get(run.id)).toMatchObject({ status: 'queued', attempt: 0 });
    await waitFor(() => worker.log.some((line) => line['run_id'] === run.id && String(line['msg']).includes('newer version')), { what: 'a word in the log' });
  }
  // The worker of that version is there at last.
  await redisCommand(stand.redis.connection, 'HSET', `runyard:run:${byRecord.run.id}`, 'v', '1');
  expect(await stand.ended(byRecord.run)).toMatchObject({ status: 'succeeded', attempt: 1 });
  expect((await store.cancel(byTicket.run.id)).kind).toBe('canceled');
});
