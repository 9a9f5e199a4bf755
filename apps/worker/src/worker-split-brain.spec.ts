// Two workers and one run: whatever keeps the first one from its lease, nothing of it happens after the second one has the run.
import { readFile } from 'node:fs/promises';
import type { RunRecord } from '@runyard/run-store';
import { blockable, BLOCK_SIGNAL, childProcesses, fakeClaude, httpCall, processesWithMark, startBlackholeProxy, waitFor } from '@runyard/testing';
import type { BlackholeProxy, TestWorker } from '@runyard/testing';
import { describe, test, vi } from 'vitest';
import type { TestContext } from 'vitest';
import { standOfTest, wardenOf } from './worker-stand.fixture.js';
import type { WorkerStand } from './worker-stand.fixture.js';

// Whole processes on a machine that may be busy with others; a lease takes its 15 s each time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

type CleanUp = TestContext['onTestFinished'];

interface Line {
  readonly attempt: number;
  readonly at: number;
}

/** A worker that reaches Redis through a proxy and is at work on a run, and room for another one that reaches it directly. */
async function setStage(onTestFinished: CleanUp, lines = 0) {
  const stand = await standOfTest(onTestFinished, {
    environment: { RUNYARD_CLAUDE_BIN: fakeClaude('keeps-a-ledger'), RUNYARD_CAPACITY: '1' },
    request: { recovery: 'restart' },
    model: false,
  });
  const proxy = await startBlackholeProxy({ target: stand.redis.connection });
  onTestFinished(() => proxy.close());
  const work = async (more: Record<string, string> = {}): Promise<TestWorker> => {
    const worker = await stand.workOn({ TMPDIR: stand.base, ...more });
    // Whatever it may still be doing.
    onTestFinished(async () => {
      worker.kill('SIGKILL');
      await worker.exited;
    });
    return worker;
  };
  const victim = await work({ REDIS_URL: proxy.url, ...blockable(BLOCKED_MS) });
  const submit = (count: number): Promise<RunRecord> => stand.submit({ prompt: `${stand.ledger(LEDGER)} ${count}` });
  const run = await submit(lines);
  await waitFor(async () => (await linesOf(stand)).length > 5, { what: 'side effects of the first attempt', timeoutMs: 60_000 });
  return { stand, proxy, victim, run, submit, rescuer: () => work() };
}

type Stage = Awaited<ReturnType<typeof setStage>>;

/** What the runs have done. */
const linesOf = async (stand: WorkerStand): Promise<Line[]> =>
  (await stand.counted(LEDGER)).map((line) => ({ attempt: Number(line.split('.').at(-2)), at: Number(line.split(' ')[1]) }));

/** When the store gave the run to its second worker, on the clock of this machine. */
const secondStart = ({ stand, run }: Stage) =>
  waitFor(
    async () => {
      const page = await stand.store.readEvents(run.id, { limit: 10_000 });
      return Date.parse(page?.events.find((event) => event.type === 'run.started' && event.id.startsWith('2-'))?.ts ?? '');
    },
    { what: 'the second claim', timeoutMs: 90_000 },
  );

const refused = async ({ victim }: Stage): Promise<number> => {
  const { text } = await httpCall(await victim.url(), '/metrics');
  return [...text.matchAll(/^runyard_stale_writes_refused_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
};

/** Ids of the events of the first attempt, by the beginning of their type. */
const eventsOfFirst = async ({ stand, run }: Stage, type = ''): Promise<string[]> =>
  (await stand.eventsOf(run)).filter((event) => event.id.startsWith('1-') && event.type.startsWith(type)).map(({ id }) => id);

/** The processes of the first attempt. */
const firstProcesses = ({ run }: Stage) => processesWithMark(`${run.id}.1.`);

const firstIsGone = (stage: Stage): Promise<true> =>
  waitFor(async () => (await firstProcesses(stage)).length === 0, { what: 'the end of the processes of the first attempt', timeoutMs: 60_000 });

const LEDGER = 'effects';
const BLOCKED_MS = 60_000;
const silence = (proxy: BlackholeProxy, direction?: 'to_server' | 'to_client') => proxy.set({ kind: 'hold', ...(direction ? { direction } : {}) });

interface Fault {
  readonly name: string;
  readonly strike: (stage: Stage) => void;
  readonly heal: (stage: Stage) => void;
}

const pass = ({ proxy }: Stage) => proxy.set({ kind: 'pass' });

const FAULTS: readonly Fault[] = [
  { name: 'Redis is silent, and hears everything late', strike: ({ proxy }) => silence(proxy), heal: pass },
  { name: 'Redis does not hear the worker', strike: ({ proxy }) => silence(proxy, 'to_server'), heal: pass },
  { name: 'the worker does not hear Redis', strike: ({ proxy }) => silence(proxy, 'to_client'), heal: pass },
  { name: 'Redis refuses connections', strike: ({ proxy }) => proxy.set({ kind: 'refuse' }), heal: pass },
  { name: 'the event loop of the worker stands still', strike: ({ victim }) => victim.kill(BLOCK_SIGNAL), heal: () => undefined },
  { name: 'the worker is stopped', strike: ({ victim }) => victim.kill('SIGSTOP'), heal: ({ victim }) => victim.kill('SIGCONT') },
];

describe('no side effect of an attempt comes after the start of the next one', () => {
  test.concurrent.for(FAULTS)('$name', async ({ strike, heal }, { expect, onTestFinished }) => {
    const stage = await setStage(onTestFinished);
    const { stand, victim, run } = stage;
    strike(stage);
    await stage.rescuer();
    const secondAt = await secondStart(stage);
    // The second one has it: nothing of the first may be alive.
    expect(await firstProcesses(stage)).toEqual([]);
    const events = await eventsOfFirst(stage);
    heal(stage);
    await victim.logged('the lease is lost');
    // It offers the run back, and the store refuses: it is another one's.
    expect(await victim.logged('run given back')).not.toHaveProperty('dispatch');
    await waitFor(async () => (await refused(stage)) > 0, { what: 'a refused write of the first worker', timeoutMs: 90_000 });
    await stand.store.cancel(run.id);
    await stand.ended(run);
    // Nobody has heard of the first worker again, in the log or in the ledger.
    expect(await eventsOfFirst(stage)).toEqual(events);
    const late = (await linesOf(stand)).filter(({ attempt, at }) => attempt === 1 && at > secondAt);
    expect(late).toEqual([]);
  });
});

/** The worker, its warden and everything of the run: what stops when a container is frozen. */
const everythingOf = async ({ victim, run }: Stage): Promise<number[]> => [...new Set([...(await processesWithMark(run.id)), ...(await childProcesses(victim.pid)), victim.pid])];

/** Those that are still there. */
function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It is gone.
    }
  }
}

const isStopped = async (pid: number): Promise<boolean> => /^State:\s+T/m.test(await readFile(`/proc/${pid}/status`, 'latin1'));

test('a container that is frozen and goes on: its processes end at once, and the worker disturbs nobody and is as good as new', async ({ expect, onTestFinished }) => {
  const stage = await setStage(onTestFinished);
  const { stand, victim, run } = stage;
  const frozen = await everythingOf(stage);
  onTestFinished(() => signal(frozen, 'SIGCONT'));
  signal(frozen, 'SIGSTOP');
  for (const pid of [victim.pid, await wardenOf(victim)]) await waitFor(() => isStopped(pid), { what: 'worker and warden to stand still' });
  const rescuer = await stage.rescuer();
  await secondStart(stage);
  const isLost = async (): Promise<Map<number, boolean>> => new Map((await stand.store.workers()).map(({ pid, state }) => [pid, state === 'lost']));
  // Its last sign of life may be a little younger than its last renewal.
  await waitFor(async () => (await isLost()).get(victim.pid), { what: 'the frozen worker to be called lost', timeoutMs: 60_000 });
  expect((await isLost()).get(rescuer.pid)).toBe(false);
  const events = await eventsOfFirst(stage);
  signal(frozen, 'SIGCONT');
  await firstIsGone(stage);
  await victim.logged('the lease is lost');
  expect(await eventsOfFirst(stage)).toEqual(events);
  await stand.store.cancel(run.id);
  await stand.ended(run);
  // It is in the registry once, as it was, and takes runs again.
  await rescuer.stop();
  const isBack = async () => (await stand.store.workers()).map(({ pid, state }) => `${pid} ${state}`).join() === `${victim.pid} ready`;
  await waitFor(isBack, { what: 'the worker to be back, once', timeoutMs: 30_000 });
  expect(await stand.ended(await stage.submit(3))).toMatchObject({ status: 'succeeded' });
});

test('a worker that goes on after a stop looks at its lease before it passes anything on', async ({ expect, onTestFinished }) => {
  const stage = await setStage(onTestFinished);
  const { stand, victim, run } = stage;
  victim.kill('SIGSTOP');
  // The warden ends them; what they said in the meantime waits in the pipe of the worker, and nobody else has claimed the run.
  await firstIsGone(stage);
  const before = await eventsOfFirst(stage, 'claude.');
  victim.kill('SIGCONT');
  await victim.logged('the lease is lost');
  await stand.until(run, 'the next attempt', ({ attempt }) => attempt > 1);
  expect(await eventsOfFirst(stage, 'claude.')).toEqual(before);
});

test('a Redis that answers late, by 200 to 2000 ms each way, costs nothing', async ({ expect, onTestFinished }) => {
  const stage = await setStage(onTestFinished, 200);
  stage.proxy.set({ kind: 'delay', fromMs: 200, toMs: 2000 });
  await stage.rescuer();
  expect(await stage.stand.ended(stage.run)).toMatchObject({ status: 'succeeded', attempt: 1, outcome: { result: 'written' } });
  expect((await linesOf(stage.stand)).length).toBe(200);
  expect(await refused(stage)).toBe(0);
});
