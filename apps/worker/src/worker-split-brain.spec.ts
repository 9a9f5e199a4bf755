// Two workers and one run: whatever keeps the first one from its lease, nothing of it happens after the second one has the run.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { blockable, BLOCK_SIGNAL, fakeClaude, httpCall, processesWithMark, startBlackholeProxy, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { BlackholeProxy, TestWorker } from '@runyard/testing';
import { describe, test, vi } from 'vitest';
import type { TestContext } from 'vitest';

// Whole processes on a machine that may be busy with others; a lease takes its 15 s each time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

type CleanUp = TestContext['onTestFinished'];

interface Line {
  readonly attempt: number;
  readonly at: number;
}

/** A Redis, a worker that reaches it through a proxy, and room for another one that reaches it directly. */
async function stand(onTestFinished: CleanUp) {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const redis = await testRedis();
  onTestFinished(() => redis.stop());
  const proxy = await startBlackholeProxy({ target: redis.connection });
  onTestFinished(() => proxy.close());
  const dataDir = join(directory.path, 'data');
  const store = RunStore.open({ redis: redis.connection, role: 'worker', dataDir });
  const queue = RunQueue.open({ redis: redis.connection });
  onTestFinished(() => Promise.all([store.close(), queue.close()]).then(() => undefined));
  const environment = { HOME: directory.path, RUNYARD_DATA_DIR: dataDir, TMPDIR: directory.path, RUNYARD_CLAUDE_BIN: fakeClaude('keeps-a-ledger'), RUNYARD_CAPACITY: '1' };
  const work = async (more: Record<string, string>): Promise<TestWorker> => {
    const worker = startWorker({ ...environment, ...more });
    onTestFinished(async () => {
      worker.kill('SIGCONT');
      worker.kill('SIGKILL');
      await worker.exited;
    });
    await worker.logged('worker ready');
    return worker;
  };
  const victim = await work({ REDIS_URL: proxy.url, ...blockable(BLOCKED_MS) });
  const ledger = join(directory.path, 'ledger');
  const submit = async (lines = 0): Promise<RunRecord> => {
    const answer = await store.create({ request: { prompt: `${ledger} ${lines}`, recovery: 'restart' }, trigger: 'api' });
    if (answer.kind !== 'created') throw new Error(answer.kind);
    await queue.enqueue({ runId: answer.run.id, dispatch: answer.dispatch ?? 0 });
    return answer.run;
  };
  return { proxy, store, victim, ledger, submit, rescuer: () => work({ REDIS_URL: redis.url }) };
}

type Stand = Awaited<ReturnType<typeof stand>>;

async function linesOf({ ledger }: Stand): Promise<Line[]> {
  if (!existsSync(ledger)) return [];
  const text = await readFile(ledger, 'utf8');
  return text.split('\n').slice(0, -1).map((line) => ({ attempt: Number(line.split('.').at(-2)), at: Number(line.split(' ')[1]) }));
}

const working = (stage: Stand) => waitFor(async () => (await linesOf(stage)).length > 5, { what: 'side effects of the first attempt', timeoutMs: 60_000 });

/** When the store gave the run to its second worker, on the clock of this machine. */
const secondStart = ({ store }: Stand, { id }: RunRecord) =>
  waitFor(
    async () => {
      const page = await store.readEvents(id, { limit: 10_000 });
      return Date.parse(page?.events.find((event) => event.type === 'run.started' && event.id.startsWith('2-'))?.ts ?? '');
    },
    { what: 'the second claim', timeoutMs: 90_000 },
  );

const refused = async ({ victim }: Stand): Promise<number> => {
  const { text } = await httpCall(await victim.url(), '/metrics');
  return [...text.matchAll(/^runyard_stale_writes_refused_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
};

const eventsOfFirst = async ({ store }: Stand, { id }: RunRecord): Promise<string[]> =>
  ((await store.readEvents(id, { limit: 10_000 }))?.events ?? []).map((event) => event.id).filter((one) => one.startsWith('1-'));

/** The processes of the first attempt. */
const firstProcesses = ({ id }: RunRecord) => processesWithMark(`${id}.1.`);

const BLOCKED_MS = 60_000;
const silence = (proxy: BlackholeProxy, direction?: 'to_server' | 'to_client') => proxy.set({ kind: 'hold', ...(direction ? { direction } : {}) });

interface Fault {
  readonly name: string;
  readonly strike: (stage: Stand) => void;
  readonly heal: (stage: Stand) => void;
}

const pass = ({ proxy }: Stand) => proxy.set({ kind: 'pass' });

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
    const stage = await stand(onTestFinished);
    const run = await stage.submit();
    await working(stage);
    strike(stage);
    await stage.rescuer();
    const secondAt = await secondStart(stage, run);
    // The second one has it: nothing of the first may be alive.
    expect(await firstProcesses(run)).toEqual([]);
    const events = await eventsOfFirst(stage, run);
    heal(stage);
    await stage.victim.logged('the lease is lost');
    await waitFor(async () => (await refused(stage)) > 0, { what: 'a refused write of the first worker', timeoutMs: 90_000 });
    await stage.store.cancel(run.id);
    await waitFor(async () => (await stage.store.get(run.id))?.outcome, { what: 'the end of the run', timeoutMs: 90_000 });
    // Nobody has heard of the first worker again, in the log or in the ledger.
    expect(await eventsOfFirst(stage, run)).toEqual(events);
    const late = (await linesOf(stage)).filter(({ attempt, at }) => attempt === 1 && at > secondAt);
    expect(late).toEqual([]);
  });
});

/** The worker, its warden and everything of the run: what stops when a container is frozen. */
async function everythingOf({ victim }: Stand, run: RunRecord): Promise<number[]> {
  const children = (await readFile(`/proc/${victim.pid}/task/${victim.pid}/children`, 'utf8')).trim().split(' ').map(Number);
  return [...new Set([...(await processesWithMark(run.id)), ...children, victim.pid])];
}

/** Those that are still there. */
function goOn(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGCONT');
    } catch {
      // It is gone.
    }
  }
}

test('a container that is frozen and goes on: its processes end at once, and the worker disturbs nobody and is as good as new', async ({ expect, onTestFinished }) => {
  const stage = await stand(onTestFinished);
  const run = await stage.submit();
  await working(stage);
  const frozen = await everythingOf(stage, run);
  for (const pid of frozen) process.kill(pid, 'SIGSTOP');
  onTestFinished(() => goOn(frozen));
  const rescuer = await stage.rescuer();
  await secondStart(stage, run);
  const isLost = async (): Promise<Map<number, boolean>> => new Map((await stage.store.workers()).map(({ pid, state }) => [pid, state === 'lost']));
  // Its last sign of life may be a little younger than its last renewal.
  await waitFor(async () => (await isLost()).get(stage.victim.pid), { what: 'the frozen worker to be called lost', timeoutMs: 60_000 });
  expect((await isLost()).get(rescuer.pid)).toBe(false);
  const events = await eventsOfFirst(stage, run);
  goOn(frozen);
  await waitFor(async () => (await firstProcesses(run)).length === 0, { what: 'the end of the processes of the first attempt', timeoutMs: 30_000 });
  await stage.victim.logged('the lease is lost');
  expect(await eventsOfFirst(stage, run)).toEqual(events);
  await stage.store.cancel(run.id);
  await waitFor(async () => (await stage.store.get(run.id))?.outcome, { what: 'the end of the run', timeoutMs: 90_000 });
  // It is in the registry once, as it was, and takes runs again.
  await rescuer.stop();
  const isBack = async () => (await stage.store.workers()).map(({ pid, state }) => `${pid} ${state}`).join() === `${stage.victim.pid} ready`;
  await waitFor(isBack, { what: 'the worker to be back, once', timeoutMs: 30_000 });
  const next = await stage.submit(3);
  expect(await waitFor(async () => (await stage.store.get(next.id))?.outcome, { what: 'the end of another run', timeoutMs: 60_000 })).toMatchObject({ status: 'succeeded' });
});

test('a worker that goes on after a stop looks at its lease before it passes anything on', async ({ expect, onTestFinished }) => {
  const stage = await stand(onTestFinished);
  const run = await stage.submit();
  await working(stage);
  stage.victim.kill('SIGSTOP');
  // The warden ends them; what they said in the meantime waits in the pipe of the worker, and nobody else has claimed the run.
  await waitFor(async () => (await firstProcesses(run)).length === 0, { what: 'the end of the processes', timeoutMs: 60_000 });
  const ofClaude = async () => ((await stage.store.readEvents(run.id, { limit: 10_000 }))?.events ?? []).filter(({ id, type }) => id.startsWith('1-') && type.startsWith('claude.')).map(({ id }) => id);
  const before = await ofClaude();
  stage.victim.kill('SIGCONT');
  await stage.victim.logged('the lease is lost');
  await waitFor(async () => ((await stage.store.get(run.id))?.attempt ?? 0) > 1, { what: 'the next attempt', timeoutMs: 60_000 });
  expect(await ofClaude()).toEqual(before);
});

test('a Redis that answers late, by 200 to 2000 ms each way, costs nothing', async ({ expect, onTestFinished }) => {
  const stage = await stand(onTestFinished);
  const run = await stage.submit(200);
  await working(stage);
  stage.proxy.set({ kind: 'delay', fromMs: 200, toMs: 2000 });
  await stage.rescuer();
  const ended = await waitFor(async () => (await stage.store.get(run.id))?.outcome && (await stage.store.get(run.id)), { what: 'the end of the run', timeoutMs: 120_000 });
  expect(ended).toMatchObject({ status: 'succeeded', attempt: 1, outcome: { result: 'written' } });
  expect((await linesOf(stage)).length).toBe(200);
  expect(await refused(stage)).toBe(0);
});
