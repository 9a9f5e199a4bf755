// Three API processes and three workers, killed one after the other all the time: each slot has exactly one run, and none is missing.
// RUNYARD_TEST_SLOTS says how many slots; `npm run test:schedules` asks for 10,000.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { httpCall, waitFor } from '@runyard/testing';
import type { SlotRecord } from '@runyard/run-store';
import { expect, onTestFinished, test } from 'vitest';
import { apiProcesses } from '../api-processes.fixture.js';

const WORKER = fileURLToPath(new URL('quick-worker.fixture.mjs', import.meta.url));
const KEY = 'key-for-the-schedules-kill-spec';
const SLOTS = Number(process.env['RUNYARD_TEST_SLOTS'] ?? 2000);
// Each has a slot a second: so few that a slow machine makes their runs, too.
const SCHEDULES = Math.min(100, Math.ceil(SLOTS / 34));
const REPLICAS = 3;

const stand = apiProcesses();

interface Doomed {
  /** Kills it, and waits. */
  end(): Promise<unknown>;
}

interface Replica {
  running: Doomed;
  readonly start: () => Promise<Doomed>;
}

async function startWorker(): Promise<Doomed> {
  const child = spawn(process.execPath, [WORKER, stand.redis.connection.path, stand.dataDir], { env: {}, cwd: stand.dir.path, stdio: ['pipe', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  const end = (): Promise<unknown> => {
    child.kill('SIGKILL');
    return exited;
  };
  onTestFinished(async () => void (await end()));
  return { end };
}

/** `urls` are those of the API processes that were started last. */
async function replicas(): Promise<{ readonly urls: readonly string[]; readonly all: readonly Replica[] }> {
  const urls: string[] = [];
  const starts = Array.from({ length: REPLICAS }, (_, i) => {
    const startApi = async (): Promise<Doomed> => {
      const api = stand.start({ RUNYARD_API_KEY: KEY });
      urls[i] = await api.url();
      return api;
    };
    return [startApi, startWorker];
  }).flat();
  return { urls, all: await Promise.all(starts.map(async (start) => ({ running: await start(), start }))) };
}

/** Asks one API process after the other until one answers. */
async function ask(urls: readonly string[], method: string, path: string, body?: object): Promise<number> {
  const headers = { authorization: `Bearer ${KEY}` };
  return waitFor(
    async () => {
      for (const url of urls) {
        const answer = await httpCall(url, path, { method, headers, ...(body && { body }) }).catch(() => undefined);
        if (answer && answer.status < 500) return answer.status;
      }
      return undefined;
    },
    { what: `an answer to ${method} ${path}`, timeoutMs: 60_000 },
  );
}

/** Kills one process after the other and starts it again, until `isOver`. The next one is killed when all API processes answer. */
async function harass(urls: readonly string[], all: readonly Replica[], isOver: (kills: number) => boolean): Promise<void> {
  let kills = 0;
  for (; !isOver(kills); kills++) {
    const replica = all[kills % all.length];
    if (!replica) break;
    await replica.running.end();
    replica.running = await replica.start();
    const answers = (url: string): Promise<boolean> => httpCall(url, '/readyz').then(({ status }) => status === 200, () => false);
    await waitFor(async () => isOver(kills) || (await Promise.all(urls.map(answers))).every(Boolean), { what: 'all API processes', timeoutMs: 120_000 });
  }
}

async function ledgerOf(id: string): Promise<SlotRecord[]> {
  const slots: SlotRecord[] = [];
  for (let page: string | null | undefined; page !== null; ) {
    const answer = await stand.store.schedules.slots(id, { limit: 100, ...(page !== undefined && { page }) });
    slots.push(...answer.slots);
    page = answer.nextPage;
  }
  return slots.toReversed();
}

async function runIdsOf(scheduleId: string): Promise<string[]> {
  const ids: string[] = [];
  for (let page: string | null | undefined; page !== null; ) {
    const answer = await stand.store.list({ limit: 100, scheduleId, ...(page !== undefined && { page }) });
    ids.push(...answer.runs.map((run) => run.id));
    page = answer.nextPage;
  }
  return ids;
}

test(`${SLOTS} slots under kills have one run each`, { timeout: 600_000 }, async () => {
  const { urls, all } = await replicas();
  const ids = Array.from({ length: SCHEDULES }, (_, i) => `sch_kills-${i}`);
  const body = { every_seconds: 1, overlap: 'queue', missed: 'all', run: { prompt: 'tick' } };
  for (const id of ids) expect(await ask(urls, 'PUT', `/v1/schedules/${id}`, body)).toBeLessThan(300);
  let isOver = false;
  let kills = 0;
  const harassed = harass(urls, all, (done) => {
    kills = done;
    return isOver;
  });
  const made = async (): Promise<number> => Object.values(await stand.store.counts()).reduce((sum, count) => sum + count, 0);
  try {
    await waitFor(async () => kills >= all.length && (await made()) >= SLOTS, { what: `${SLOTS} runs and every process killed once`, timeoutMs: 400_000 });
  } finally {
    isOver = true;
  }
  await harassed;
  for (const id of ids) expect(await ask(urls, 'PUT', `/v1/schedules/${id}`, { ...body, enabled: false })).toBe(200);
  const runs = new Set<string>();
  let slots = 0;
  for (const id of ids) {
    const ledger = await ledgerOf(id);
    const seconds = ledger.map((slot) => Date.parse(slot.dueAt) / 1000);
    expect(seconds, 'no slot is missing and none is there twice').toEqual(seconds.map((_, i) => (seconds[0] ?? 0) + i));
    const active = ledger.filter((slot) => slot.reason !== 'disabled');
    // A schedule whose runs cannot be ended fast enough on a slow machine says so; nothing else may keep a slot from its run.
    expect(active.filter((slot) => slot.status !== 'created' && slot.reason !== 'queue_full')).toEqual([]);
    const created = active.flatMap((slot) => (slot.runId === null ? [] : [slot.runId]));
    expect((await runIdsOf(id)).toSorted()).toEqual(created.toSorted());
    for (const runId of created) runs.add(runId);
    slots += created.length;
  }
  expect(runs.size).toBe(slots);
  expect(slots).toBeGreaterThanOrEqual(SLOTS);
  console.log(`${slots} slots = ${runs.size} runs of ${SCHEDULES} schedules; ${REPLICAS} API processes and ${REPLICAS} workers, ${kills} kills`);
});
