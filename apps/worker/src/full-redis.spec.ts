// Redis without memory: what runs comes to its end, and nothing of it is missing.
import { redisCommand, waitFor } from '@runyard/testing';
import { expect, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand({});
const redis = (command: string, ...words: string[]) => redisCommand(stand.redis.connection, command, ...words);

test('a run whose events Redis refuses keeps its lease, ends well, and its log is whole', async () => {
  await stand.work();
  const run = await stand.submit({ prompt: '[[slow n=80 delay=50]]' });
  await stand.streaming(run);
  const used = Number(/used_memory:(\d+)/.exec(String(await redis('INFO', 'memory')))?.[1]);
  // Everything above is refused from now on: noeviction.
  await redis('CONFIG', 'SET', 'maxmemory', String(Math.max(1, used - 200_000)));
  await waitFor(async () => (await redis('SET', 'anything', 'x').catch(String)) !== 'OK', { what: 'Redis to refuse' });
  const before = (await stand.eventsOf(run)).length;
  const ended = await stand.ended(run);
  expect(ended).toMatchObject({ status: 'succeeded', attempt: 1, outcome: { failure: null } });
  await redis('CONFIG', 'SET', 'maxmemory', '0');
  const events = await stand.eventsOf(run);
  expect(events.length).toBeGreaterThan(before);
  expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['claude.result', 'run.finished']));
  const numbers = events.map(({ id }) => Number(id.split('-')[1]));
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  expect(await stand.perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'succeeded' });
});
