// Trouble of the worker's machine before a process is there: the run goes back to the queue, and this worker takes none until it is over.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { RunRecord } from '@runyard/run-store';
import { httpCall, waitFor } from '@runyard/testing';
import type { TestWorker } from '@runyard/testing';
import { expect, onTestFinished, test } from 'vitest';
import { workerStand } from './worker-stand.fixture.js';

const stand = workerStand();
const { work, submit, ended, until } = stand;

const count = ({ log }: TestWorker, msg: string): number => log.filter((entry) => entry['msg'] === msg).length;
const claims = ({ log }: TestWorker, { id }: RunRecord): number => log.filter((entry) => entry['msg'] === 'run claimed' && entry['run_id'] === id).length;
const wasBack = (run: RunRecord) => until(run, 'its return to the queue', ({ status, attempt }) => status === 'queued' && attempt > 0);

async function wardens({ pid }: TestWorker): Promise<number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')).trim().split(' ').filter(Boolean).map(Number);
  const commands = await Promise.all(children.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')));
  return children.filter((_, index) => commands[index]?.includes('warden/main.js'));
}

/** From now on every warden of the worker is stopped as soon as it is there; the answer lets them live. */
function stopWardens(worker: TestWorker): () => Promise<void> {
  const over = new AbortController();
  const stopping = (async () => {
    while (!over.signal.aborted) {
      for (const pid of await wardens(worker)) signal(pid, 'SIGSTOP');
      await sleep(10);
    }
    for (const pid of await wardens(worker)) signal(pid, 'SIGCONT');
  })();
  const letGo = async (): Promise<void> => {
    over.abort();
    await stopping;
  };
  onTestFinished(letGo);
  return letGo;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

/**
 * A run that came back because no warden answered; all are stopped until `letGo`. On a busy machine the successor of the first one may
 * answer before it is stopped: then the run simply succeeds, and the next one is tried. `answered` counts such successors of the last try.
 */
async function givenBack(worker: TestWorker) {
  for (;;) {
    await waitFor(async () => (await wardens(worker)).length > 0 && (await machineCheck(worker)).ok, { what: 'a warden, and a worker that takes runs', timeoutMs: 60_000 });
    const before = count(worker, 'another warden watches');
    const letGo = stopWardens(worker);
    const run = await submit({ prompt: '[[text n=1]]' });
    const { outcome } = await until(run, 'its return to the queue', (now) => (now.status === 'queued' && now.attempt > 0) || now.outcome !== null);
    if (outcome === null) return { run, letGo, answered: () => count(worker, 'another warden watches') - before };
    await letGo();
  }
}

test('wardens that hang cost a run nothing: it goes back, waits for a warden that answers, and another worker may have it', async () => {
  const worker = await work();
  const { run, letGo, answered } = await givenBack(worker);
  // Nobody answers yet: it is not claimed again.
  await waitFor(() => count(worker, 'the warden died; starting another one') > 0, { what: 'another warden', timeoutMs: 60_000 });
  const now = await stand.store.get(run.id);
  if (answered() === 0) expect(now).toMatchObject({ status: 'queued', attempt: 1 });
  const neighbour = await work();
  const { status, attempt } = await ended(run);
  expect(status).toBe('succeeded');
  // What a worker writes is read a little later.
  await waitFor(() => claims(worker, run) + claims(neighbour, run) === attempt, { what: 'each claim in a log' });
  expect(claims(worker, run), 'once, and once more for each warden that answered').toBeLessThanOrEqual(1 + answered());
  if (answered() === 0) expect(claims(neighbour, run)).toBe(1);
  await neighbour.stop();

  const next = await submit({ prompt: '[[text n=2]]' });
  await letGo();
  expect(await ended(next)).toMatchObject({ status: 'succeeded', outcome: { result: 'word-1 word-2' } });
});

async function machineCheck(worker: TestWorker): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const { json } = await httpCall(await worker.url(), '/readyz');
  return (json as { checks: { machine: { ok: boolean; detail: string } } }).checks.machine;
}

/** Puts a file where a directory was; the answer puts the directory back. */
async function replaced(directory: string): Promise<() => Promise<void>> {
  await rename(directory, `${directory}.away`);
  await writeFile(directory, '');
  return async () => {
    await rm(directory);
    await rename(`${directory}.away`, directory);
  };
}

test('a temporary directory that cannot be written: the run waits until it can', async () => {
  const directory = join(stand.base, 'tmp');
  await mkdir(directory);
  const worker = await work({ TMPDIR: directory });
  const mend = await replaced(directory);
  const run = await submit({ prompt: '[[text n=1]]' });
  await wasBack(run);
  await worker.logged('no more runs are taken: this machine has a problem');
  await waitFor(async () => /temporary directory cannot be written: ENOTDIR/.test((await machineCheck(worker)).detail), { what: 'a look that finds the same' });
  expect([(await stand.store.get(run.id))?.status, count(worker, 'run claimed')]).toEqual(['queued', 1]);
  await mend();
  expect(await ended(run)).toMatchObject({ status: 'succeeded', attempt: 2 });
  expect(await machineCheck(worker)).toMatchObject({ ok: true });
  expect(readdirSync(directory), 'nothing is left of the look').toEqual([]);
});

test('a run directory in which the attempt cannot be noted: bounded, because it may be the run and not the machine', async () => {
  const worker = await work();
  await mkdir(stand.data('runs'), { recursive: true });
  const mend = await replaced(stand.data('runs'));
  const run = await submit({ prompt: '[[text n=1]]' });
  expect(await ended(run)).toMatchObject({ status: 'failed', outcome: { failure: { code: 'internal' } } });
  expect(count(worker, 'run given back')).toBe(10);
  await mend();
  const next = await submit({ prompt: '[[text n=1]]' });
  expect(await ended(next)).toMatchObject({ status: 'succeeded', attempt: 1 });
});

test('a worker that cannot start another warden for want of file descriptors lives on, and goes on when it can', async () => {
  const worker = await work();
  const limit = (to: string): void => void execFileSync('prlimit', ['--pid', String(worker.pid), `--nofile=${to}:`]);
  const [first] = await wardens(worker);
  // Those that are open stay so.
  limit('3');
  process.kill(first ?? 0, 'SIGKILL');
  expect(await waitFor(() => worker.log.find(({ msg, why }) => msg === 'the warden died; starting another one' && String(why).includes('EMFILE')), { what: 'a spawn that fails', timeoutMs: 60_000 })).toBeDefined();
  limit('1024');
  await worker.logged('another warden watches');
  expect(await ended(await submit({ prompt: '[[text n=1]]' }))).toMatchObject({ status: 'succeeded', attempt: 1 });
});
