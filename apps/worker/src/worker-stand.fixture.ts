// What specs of whole runs stand on: a real Redis, the demo model, a store, a queue, a data directory, and real workers.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sessionUuidOf } from '@runyard/domain';
import type { CreateRun, Outcome, Trigger } from '@runyard/domain';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { RunRecord } from '@runyard/run-store';
import { childProcesses, processesWithMark, redisCommand, startDemoModel, startWorker, temporaryDirectory, testRedis, waitFor } from '@runyard/testing';
import type { TestDemoModel, TestRedis, TestWorker } from '@runyard/testing';
import { afterAll, beforeAll, onTestFinished, vi } from 'vitest';

// Whole processes on a machine that may be busy with others.
const TEST_MS = 300_000;
const RUN_MS = 120_000;

export interface StandOptions {
  /** For every worker. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What every request has unless it says something else. */
  readonly request?: Partial<CreateRun>;
  readonly trigger?: Trigger;
  /** False where only fake programs run: then nobody answers in Claude's place. */
  readonly model?: boolean;
}

export type EndedRun = RunRecord & { readonly outcome: Outcome };
type Run = Pick<RunRecord, 'id'>;

/** Its methods may be taken off it; what they stand on is there from `beforeAll` to `afterAll`. */
export class WorkerStand {
  redis!: TestRedis;
  model!: TestDemoModel;
  store!: RunStore;
  queue!: RunQueue;
  /** A directory for everything; `home` and `projects` (RUNYARD_WORKSPACES) and `data` (RUNYARD_DATA_DIR) are in it. */
  base = '';
  readonly #options: StandOptions;
  readonly #cleanUp: (() => Promise<unknown>)[] = [];

  constructor(options: StandOptions) {
    this.#options = options;
  }

  /** A path in the data directory. */
  readonly data = (...parts: string[]): string => join(this.base, 'data', ...parts);

  /** A file in which commands of runs count; see `count` of the prompts. */
  readonly ledger = (name: string): string => join(this.base, `${name}.ledger`);

  /** The lines of a ledger; none while it is not there. */
  readonly counted = async (name: string): Promise<string[]> =>
    (await readFile(this.ledger(name), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

  /** A worker until the end of the test. */
  readonly work = async (more: Readonly<Record<string, string>> = {}): Promise<TestWorker> => {
    const worker = this.#start(more);
    onTestFinished(async () => void (await stopped(worker)));
    await worker.logged('worker ready');
    return worker;
  };

  /** A worker until the end of the file. */
  readonly workOn = async (more: Readonly<Record<string, string>> = {}): Promise<TestWorker> => {
    const worker = this.#start(more);
    this.#cleanUp.push(() => stopped(worker));
    await worker.logged('worker ready');
    return worker;
  };

  readonly submit = async (request: CreateRun): Promise<RunRecord> => {
    const { request: usual, trigger = 'api' } = this.#options;
    const answer = await this.store.create({ request: { ...usual, ...request }, trigger });
    if (answer.kind !== 'created') throw new Error(answer.kind);
    const { run, dispatch } = answer;
    if (dispatch !== null) await this.queue.enqueue({ runId: run.id, dispatch, priority: run.priority });
    return run;
  };

  readonly until = (run: Run, what: string, fits: (run: RunRecord) => boolean): Promise<RunRecord> =>
    waitFor(async () => { const now = await this.store.get(run.id); return now && fits(now) && now; }, { what: `${run.id}: ${what}`, timeoutMs: RUN_MS });

  readonly ended = async (run: Run): Promise<EndedRun> => (await this.until(run, 'its end', ({ outcome }) => outcome !== null)) as EndedRun;

  readonly perform = async (request: CreateRun): Promise<EndedRun> => this.ended(await this.submit(request));

  /** The whole log, each event also as text and parsed. */
  readonly eventsOf = async ({ id }: Run) => {
    const events = (await this.store.readEvents(id, { limit: 10_000 }))?.events ?? [];
    return events.map((event) => ({ ...event, text: event.data.toString(), body: JSON.parse(event.data.toString()) as Record<string, unknown> }));
  };

  readonly typesOf = async (run: Run): Promise<string[]> => (await this.eventsOf(run)).map(({ type }) => type);

  /** Waits for an event in which `<type> <data>` contains the text. */
  readonly has = (run: Run, what: string): Promise<true> =>
    waitFor(async () => (await this.eventsOf(run)).some(({ type, text }) => `${type} ${text}`.includes(what)), { what: `${what} in ${run.id}`, timeoutMs: RUN_MS });

  readonly streaming = (run: Run): Promise<true> =>
    waitFor(async () => (await this.typesOf(run)).filter((type) => type === 'claude.stream_event').length > 5, { what: `streamed text of ${run.id}`, timeoutMs: RUN_MS });

  /** The processes of a run, once there are so many. */
  readonly processes = ({ id }: Run, atLeast: number): Promise<number[]> =>
    waitFor(async () => { const pids = await processesWithMark(id); return pids.length >= atLeast && pids; }, { what: `${atLeast} processes of ${id}`, timeoutMs: RUN_MS });

  readonly gone = ({ id }: Run): Promise<true> =>
    waitFor(async () => (await processesWithMark(id)).length === 0, { what: `the end of all processes of ${id}`, timeoutMs: RUN_MS });

  /** Kills a worker as a power cut would; when this returns nothing of its runs is left, and their leases are over. */
  readonly lose = async (worker: TestWorker, ...runs: readonly Run[]): Promise<void> => {
    worker.kill('SIGKILL');
    await worker.exited;
    for (const run of runs) {
      await this.gone(run);
      await redisCommand(this.redis.connection, 'HSET', `runyard:run:${run.id}`, 'lease_until', '1');
      await redisCommand(this.redis.connection, 'ZADD', 'runyard:leases', 'XX', '1', run.id);
    }
  };

  /** A worker that kills itself at these points of runs, or at others that are named later; see crash-points.ts. */
  readonly workDoomed = async (...lines: readonly string[]): Promise<{ readonly worker: TestWorker; arm(...lines: readonly string[]): Promise<void> }> => {
    const path = join(this.base, `crash-${randomUUID()}`);
    const arm = (...others: readonly string[]): Promise<void> => writeFile(path, others.join('\n'));
    // Before it is there: a run that waits for it is taken at once.
    await arm(...lines);
    const worker = await this.work({ RUNYARD_TEST_FAULTS: '1', RUNYARD_TEST_CRASH: `@${path}` });
    return { worker, arm };
  };

  /**
   * Whether the CLI of the first attempt, which was handed over, told what it has cost. One that gets no processor when it is interrupted
   * is stopped without a result; the price may be in its transcript all the same, as the notes of the attempt then say.
   */
  readonly toldItsPrice = async (run: Run): Promise<{ readonly result: boolean; readonly transcript: boolean }> => {
    const notes = (await readFile(this.data('runs', run.id, 'attempt-1.ndjson'), 'utf8')).split('\n').filter((line) => line !== '');
    const { sessionCostUsd = 0 } = notes.map((line) => JSON.parse(line) as { readonly note: string; readonly sessionCostUsd?: number }).findLast(({ note }) => note === 'ended') ?? {};
    return { result: (await this.eventsOf(run)).some(({ id, type }) => type === 'claude.result' && id.startsWith('1-')), transcript: sessionCostUsd > 0 };
  };

  /** How often the model was asked for a session. */
  readonly asked = async ({ sessionId }: Pick<RunRecord, 'sessionId'>): Promise<number> => {
    const { data } = (await this.model.requests()) as { readonly data: readonly { readonly session_id: string | null }[] };
    return data.filter(({ session_id }) => session_id === sessionUuidOf(sessionId)).length;
  };

  async open(): Promise<void> {
    const directory = await temporaryDirectory();
    this.#cleanUp.push(() => directory.remove());
    this.base = directory.path;
    for (const name of ['home', 'projects']) await mkdir(join(this.base, name));
    this.redis = await testRedis();
    this.#cleanUp.push(() => this.redis.stop());
    if (this.#options.model !== false) {
      this.model = await startDemoModel();
      this.#cleanUp.push(() => this.model.stop());
    }
    this.store = RunStore.open({ redis: this.redis.connection, role: 'worker', dataDir: this.data() });
    this.queue = RunQueue.open({ redis: this.redis.connection });
    this.#cleanUp.push(() => Promise.all([this.store.close(), this.queue.close()]));
  }

  async close(): Promise<void> {
    for (const clean of this.#cleanUp.toReversed()) await clean();
  }

  #start(more: Readonly<Record<string, string>>): TestWorker {
    return startWorker({
      HOME: join(this.base, 'home'),
      REDIS_URL: this.redis.url,
      RUNYARD_DATA_DIR: this.data(),
      RUNYARD_WORKSPACES: join(this.base, 'projects'),
      ...(this.#options.model !== false && { ANTHROPIC_BASE_URL: this.model.url }),
      ANTHROPIC_API_KEY: 'sk-test-0123456789abcdef',
      ...this.#options.environment,
      ...more,
    });
  }
}

/** Makes one for the file that calls this at its top. */
export function workerStand(options: StandOptions = {}): WorkerStand {
  vi.setConfig({ testTimeout: TEST_MS });
  const stand = new WorkerStand(options);
  // The first spec on a machine may have to download a Redis.
  beforeAll(() => stand.open(), 600_000);
  afterAll(() => stand.close());
  return stand;
}

/** Makes one for a single test, so that it can go on beside the others of its file: workers of one stand share their credential. */
export async function standOfTest(onFinished: typeof onTestFinished, options: StandOptions = {}): Promise<WorkerStand> {
  const stand = new WorkerStand(options);
  onFinished(() => stand.close());
  await stand.open();
  return stand;
}

/** The warden of a worker: its only child that runs node. */
export async function wardenOf({ pid }: TestWorker): Promise<number> {
  const children = await childProcesses(pid);
  const commands = await Promise.all(children.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')));
  const found = children.find((_, index) => commands[index]?.includes('warden/main.js'));
  if (found === undefined) throw new Error('the worker has no warden');
  return found;
}

/** Also when the test has stopped it with SIGSTOP. */
async function stopped(worker: TestWorker): Promise<void> {
  worker.kill('SIGCONT');
  await worker.stop();
}
