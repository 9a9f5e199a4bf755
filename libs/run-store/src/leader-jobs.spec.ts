// Jobs that one process does for all, on a real Redis.
import { redisCommand, testRedis, waitFor } from '@runyard/testing';
import type { TestRedis } from '@runyard/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startLeaderJobs } from './leader-jobs.js';
import type { LeaderJob, LeaderJobsOptions } from './leader-jobs.js';
import { RunStore } from './run-store.js';

let redis: TestRedis;
beforeAll(async () => {
  redis = await testRedis();
}, 300_000);
afterAll(() => redis.stop());

/** Longer than this process may ever stand still: nobody loses the lead by chance. */
const LONG_LEAD_MS = 60_000;

interface Member {
  readonly store: RunStore;
  readonly done: string[];
  readonly errors: string[];
  readonly stop: () => Promise<void>;
}

function member(holder: string, family: string, jobs: readonly LeaderJob[], options: Pick<LeaderJobsOptions, 'hungAfterMs' | 'leadMs'> = {}): Member {
  const store = RunStore.open({ redis: redis.connection, role: 'api', dataDir: '/nowhere' });
  const [done, errors]: [string[], string[]] = [[], []];
  const stop = startLeaderJobs({ ...options, store, holder, family, jobs, onDone: (job, count) => void done.push(`${job} ${count}`), onError: (job, error) => void errors.push(`${job} ${(error as Error).name}`) });
  onTestFinished(async () => {
    await stop();
    await store.close();
  });
  return { store, done, errors, stop };
}

test('one of several does the job; when it stops, another begins', async () => {
  const rounds: string[] = [];
  const work = (holder: string): LeaderJob[] => [{ name: 'count', everyMs: 10, work: async () => rounds.push(holder) }];
  const members = new Map(['a', 'b', 'c'].map((holder) => [holder, member(holder, 'several', work(holder), { leadMs: LONG_LEAD_MS })]));
  for (let left = 3; left > 0; left--) {
    const from = rounds.length;
    await waitFor(() => rounds.length >= from + 20, { what: 'rounds of the job' });
    const [leader = ''] = rounds.slice(from);
    expect(new Set(rounds.slice(from))).toEqual(new Set([leader]));
    expect(await members.get(leader)?.store.lead('several', 'somebody else', 1000)).toBe(false);
    await members.get(leader)?.stop();
    members.delete(leader);
  }
  expect(await redisCommand(redis.connection, 'EXISTS', 'runyard:leader:several')).toBe(0);
});

test('when the leader is gone without a word, another takes over; it itself does nothing any more', async () => {
  const rounds: string[] = [];
  const work = (holder: string): LeaderJob[] => [{ name: 'count', everyMs: 10, work: async () => rounds.push(holder) }];
  const first = member('first', 'lost', work('first'));
  await waitFor(() => rounds.length > 0, { what: 'the first leader' });
  member('second', 'lost', work('second'));
  await first.store.close(); // as if Redis could not be reached from there
  await waitFor(() => rounds.includes('second'), { what: 'the second leader' });
  const from = rounds.length;
  await waitFor(() => rounds.length > from + 20, { what: 'more rounds' });
  expect(rounds.slice(from)).not.toContain('first');
  expect(first.errors).toContain('lead RedisUnavailableError');
});

test('a job that fails or takes for ever does not keep the others, and what was put right is told', async () => {
  const rounds = { failing: 0, good: 0 };
  const hanging = Promise.withResolvers<number>();
  const { done, errors } = member('a', 'mixed', [
    { name: 'hanging', everyMs: 10, work: () => hanging.promise },
    { name: 'failing', everyMs: 10, work: () => Promise.reject(new RangeError(`round ${rounds.failing++}`)) },
    { name: 'good', everyMs: 10, work: async () => (rounds.good++ % 2 === 0 ? 3 : 0) },
  ]);
  await waitFor(() => rounds.failing > 2 && rounds.good > 4, { what: 'rounds of both' });
  hanging.resolve(0);
  expect(new Set(done)).toEqual(new Set(['good 3']));
  expect(new Set(errors)).toEqual(new Set(['failing RangeError']));
});

test('a leader whose job hangs leaves the lead to another, and does not take it back when the round ends after all', async () => {
  const hanging = Promise.withResolvers<number>();
  const rounds = { first: 0, second: 0 };
  const first = member('first', 'hung', [{ name: 'files', everyMs: 10, work: () => (rounds.first++, hanging.promise) }], { hungAfterMs: 500, leadMs: LONG_LEAD_MS });
  await waitFor(() => rounds.first === 1, { what: 'the first leader' });
  member('second', 'hung', [{ name: 'files', everyMs: 10, work: async () => (rounds.second++, 0) }], { leadMs: LONG_LEAD_MS });
  onTestFinished(() => hanging.resolve(0));
  await waitFor(() => rounds.second > 20, { what: 'the second leader', timeoutMs: 30_000 });
  expect(first.errors[0]).toBe('files Error');
  hanging.resolve(7);
  await waitFor(() => first.done.length > 0, { what: 'the end of the long round' });
  const from = rounds.second;
  await waitFor(() => rounds.second > from + 200, { what: 'more rounds of the second', timeoutMs: 30_000 });
  expect([rounds.first, first.done]).toEqual([1, ['files 7']]);
});

test('nobody else is there: the leader whose job hangs goes on with the others', async () => {
  const hanging = Promise.withResolvers<number>();
  let good = 0;
  const { errors } = member('only', 'alone', [
    { name: 'hanging', everyMs: 10, work: () => hanging.promise },
    { name: 'good', everyMs: 10, work: async () => (good++, 0) },
  ], { hungAfterMs: 300 });
  onTestFinished(() => hanging.resolve(0));
  await waitFor(() => errors.length > 0, { what: 'the offer' });
  const from = good;
  await waitFor(() => good > from + 20, { what: 'rounds of the other job after it' });
});
