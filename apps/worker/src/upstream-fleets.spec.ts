// Two workers at one queue, one of which the provider refuses or does not hear: the other one does the runs; real workers, real CLI, real Redis.
import type { RunRecord } from '@runyard/run-store';
import { waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { expect, test, vi } from 'vitest';
import { openProviderGate } from './provider-gate.fixture.js';
import { standOfTest } from './worker-stand.fixture.js';
import type { EndedRun, WorkerStand } from './worker-stand.fixture.js';

vi.setConfig({ testTimeout: 300_000 });

const RUNS = 10;
const LEAVES = 'this worker cannot use its provider and others can: it leaves the runs to them';
const QUICK = { RUNYARD_CLAUDE_MAX_RETRIES: '0', RUNYARD_CAPACITY: '2' };

/** Two workers that know of each other. */
async function pair(stand: WorkerStand, bad: Readonly<Record<string, string>>): Promise<{ readonly bad: TestWorker; readonly good: TestWorker }> {
  const workers = { bad: await stand.workOn({ ...QUICK, ...bad }), good: await stand.workOn(QUICK) };
  await waitFor(async () => (await stand.store.workers()).length === 2, { what: 'both workers in the registry', timeoutMs: 60_000 });
  return workers;
}

async function submitMany(stand: WorkerStand): Promise<RunRecord[]> {
  const runs: RunRecord[] = [];
  for (let index = 0; index < RUNS; index += 1) runs.push(await stand.submit({ prompt: '[[slow n=20 delay=100]]' }));
  return runs;
}

/** All succeeded, and no run was ever told to wait. */
async function expectNobodyWaited(stand: WorkerStand, runs: readonly RunRecord[]): Promise<EndedRun[]> {
  const ends = await Promise.all(runs.map(stand.ended));
  expect(ends.map(({ status }) => status)).toEqual(runs.map(() => 'succeeded'));
  expect(ends.map(({ losses }) => losses)).toEqual(runs.map(() => 0));
  for (const run of runs) expect(await stand.typesOf(run)).not.toContain('run.waiting');
  return ends;
}

const attemptsTooMany = (ends: readonly EndedRun[]) => ends.reduce((sum, { attempt }) => sum + attempt - 1, 0);

test('a worker whose key is refused takes next to nothing, and goes on when its key works', async ({ onTestFinished }) => {
  const stand = await standOfTest(onTestFinished);
  const gate = await openProviderGate(stand.model.url);
  onTestFinished(() => gate.close());
  gate.refuse(401);
  const { bad, good } = await pair(stand, { ANTHROPIC_BASE_URL: gate.url });
  const ends = await expectNobodyWaited(stand, await submitMany(stand));
  await bad.logged(LEAVES);
  const [breaker] = await stand.store.upstream.list();
  const refused = new Set(gate.asked.map(({ session }) => session)).size;
  expect(breaker).toMatchObject({ kind: 'auth', code: 'authentication_failed', waiting: 0 });
  expect(refused).toBeGreaterThan(0);
  // Two that it had when the first was refused, and then one for each wait that was over.
  expect(attemptsTooMany(ends)).toBeLessThanOrEqual(2 + (breaker?.failures ?? 0));
  gate.refuse(undefined);
  // Nobody else is there any more: what waits for it is its own.
  await good.stop();
  expect(await stand.perform({ prompt: '[[text n=1]]' })).toMatchObject({ status: 'succeeded' });
  expect(await stand.store.upstream.list()).toMatchObject([{ state: 'closed', failures: 0, waiting: 0 }]);
});

test('a worker without a network keeps it to itself: runs go to the other one, and the credential is not given up', async ({ onTestFinished }) => {
  const stand = await standOfTest(onTestFinished);
  const nowhere = 'http://127.0.0.1:9';
  const { bad } = await pair(stand, { HTTP_PROXY: nowhere, http_proxy: nowhere });
  const ends = await expectNobodyWaited(stand, await submitMany(stand));
  await bad.logged(LEAVES);
  expect(await stand.store.upstream.list()).toEqual([]);
  expect(attemptsTooMany(ends)).toBeGreaterThan(0);
});
