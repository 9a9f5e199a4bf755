// The lease clock: confirmed renewals move the deadline, silence and refusal end the lease once.
import type { RenewAnswer } from '@runyard/run-store';
import { waitFor } from '@runyard/testing';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { LeaseKeeper } from './lease-keeper.js';
import { monotonicMs } from './monotonic-clock.js';

const renewed: RenewAnswer = { kind: 'renewed', leaseUntilMs: 0, cancelRequested: false, inbox: [] };

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** From now on the monotonic clock shows this; timers go on by the real one. */
function clockAt(ms: number): void {
  vi.spyOn(process.hrtime, 'bigint').mockReturnValue(BigInt(Math.round(ms * 1e6)));
}

function keep(renew: () => Promise<RenewAnswer>, times: { renewEveryMs: number; holdMs: number; claimedAtMs?: number }) {
  const lost: string[] = [];
  const deadlines: number[] = [];
  const errors: unknown[] = [];
  const keeper = new LeaseKeeper({
    renew,
    claimedAtMs: monotonicMs(),
    onRenewed: (_, deadlineAtMs) => deadlines.push(deadlineAtMs),
    onLost: (why) => lost.push(why),
    onError: (error) => errors.push(error),
    ...times,
  });
  onTestFinished(() => keeper.stop());
  return { keeper, lost, deadlines, errors };
}

test('each confirmed renewal moves the deadline, counted from when it was sent', async () => {
  const sentAt: number[] = [];
  const { keeper, lost, deadlines } = keep(
    async () => {
      sentAt.push(monotonicMs());
      return renewed;
    },
    { renewEveryMs: 5, holdMs: 60_000 },
  );
  await waitFor(() => deadlines.length >= 3, { what: 'three renewals' });
  expect(lost).toEqual([]);
  expect(keeper.deadlineAtMs).toBe(deadlines.at(-1));
  deadlines.forEach((deadline, index) => expect(deadline).toBeLessThanOrEqual((sentAt[index] ?? 0) + 60_000));
  expect(deadlines).toEqual(deadlines.toSorted((a, b) => a - b));
});

test('a silent store ends the lease, is not asked again and again, and a late answer changes nothing', async () => {
  const answer = Promise.withResolvers<RenewAnswer>();
  let asked = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'hrtime'] });
  const { lost, deadlines } = keep(() => (++asked, answer.promise), { renewEveryMs: 2, holdMs: 100 });
  await vi.advanceTimersByTimeAsync(80);
  expect([asked, lost]).toEqual([2, []]);
  await vi.advanceTimersByTimeAsync(20);
  expect([asked, lost.length]).toEqual([2, 1]);
  answer.resolve(renewed);
  await answer.promise;
  expect(deadlines).toEqual([]);
  expect(lost).toEqual(['no renewal of its lease was confirmed within 100 ms']);
});

test('a refused renewal ends the lease at once', async () => {
  const { lost } = keep(async () => ({ kind: 'lost' }), { renewEveryMs: 5, holdMs: 600_000 });
  await waitFor(() => lost.length > 0, { what: 'the end of the lease' });
  expect(lost[0]).toContain('refused to renew');
});

test('an error is no confirmation, and the next renewal may succeed', async () => {
  let asked = 0;
  const { lost, deadlines, errors } = keep(
    async () => {
      asked += 1;
      if (asked < 3) throw new Error('reset');
      return renewed;
    },
    { renewEveryMs: 5, holdMs: 60_000 },
  );
  await waitFor(() => deadlines.length > 0, { what: 'a confirmed renewal' });
  expect(errors).toHaveLength(2);
  expect(lost).toEqual([]);
});

test('the time of the claim counts: a claim that took too long is lost from the start', async () => {
  const { lost } = keep(async () => renewed, { renewEveryMs: 60_000, holdMs: 1000, claimedAtMs: monotonicMs() - 2000 });
  await waitFor(() => lost.length > 0, { what: 'the end of the lease' });
});

test('after stop nothing is called any more', async () => {
  const answer = Promise.withResolvers<RenewAnswer>();
  let asked = 0;
  const { keeper, lost, deadlines } = keep(() => (++asked, answer.promise), { renewEveryMs: 2, holdMs: 60_000 });
  await waitFor(() => asked > 0, { what: 'a renewal under way' });
  keeper.stop();
  answer.resolve({ kind: 'lost' });
  await answer.promise;
  expect([lost, deadlines]).toEqual([[], []]);
});

test('a process that was stopped past its deadline knows it before its timers do, and a late confirmation does not save it', async () => {
  const answer = Promise.withResolvers<RenewAnswer>();
  let asked = 0;
  const { keeper, lost, deadlines } = keep(() => (++asked, answer.promise), { renewEveryMs: 2, holdMs: 60_000 });
  await waitFor(() => asked > 0, { what: 'a renewal under way' });
  expect(keeper.check()).toBe(true);
  // As after SIGSTOP and SIGCONT: time has passed and no timer had its turn.
  clockAt(monotonicMs() + 60_000);
  answer.resolve(renewed);
  await answer.promise;
  expect([keeper.check(), lost.length, deadlines]).toEqual([false, 1, []]);
});

test('the worker gives the run up before the warden ends its processes', async () => {
  clockAt(monotonicMs());
  const { keeper, lost } = keep(() => new Promise(() => undefined), { renewEveryMs: 60_000, holdMs: 600_000, claimedAtMs: monotonicMs() - 599_600 });
  expect([keeper.check(), lost.length]).toEqual([false, 1]);
  expect(monotonicMs()).toBeLessThan(keeper.deadlineAtMs);
});

test('slow answers keep the lease: the next question does not wait for the answer to the last one, nor for the claim', async () => {
  const answers: PromiseWithResolvers<RenewAnswer>[] = [];
  const renew = () => {
    answers.push(Promise.withResolvers<RenewAnswer>());
    return answers.at(-1)?.promise ?? Promise.reject(new Error('none'));
  };
  // The claim took longer than the time between two renewals: the first one is sent at once.
  const { deadlines, lost } = keep(renew, { renewEveryMs: 50, holdMs: 60_000, claimedAtMs: monotonicMs() - 60 });
  await waitFor(() => answers.length === 2, { what: 'a second question while the first is open' });
  answers[0]?.resolve(renewed);
  await waitFor(() => answers.length === 3, { what: 'a third one' });
  answers[1]?.resolve(renewed);
  await waitFor(() => deadlines.length === 2, { what: 'both confirmations' });
  expect(lost).toEqual([]);
});
