// A run that is submitted, watched by two viewers from the first moment, and judged when it is over.
import { setTimeout as sleep } from 'node:timers/promises';
import { sessionUuidOf } from '@runyard/domain';
import { processesWithMark, waitFor } from '@runyard/testing';
import { check, endOf } from './checker.ts';
import type { Violation } from './checker.ts';
import type { Evidence, Expectation, RunView, Viewer } from './evidence.ts';
import type { SeededRandom } from './seeded-random.ts';
import { keepEvidence } from './keep-evidence.ts';
import { KEY } from './stand.ts';
import type { Stand } from './stand.ts';
import { readLog, watch } from './viewer.ts';

const VIEWERS = 2;
/** A limit, not a wait: many runs stand in line for few workers. */
const OVER_MS = 420_000;
const GRACE_MS = 5000;
const VIEWERS_MS = 20_000;

export interface SubmitOptions {
  /** Viewers hang up after about so many events. Undefined: only when their API is killed. */
  readonly hangUpAfter?: number;
  /** Default 2. */
  readonly viewers?: number;
}

export interface JudgeOptions {
  /** What a person does when the run waits for a decision. Default: abandon. */
  readonly decide?: 'resume' | 'restart' | 'abandon';
  /** Further things that must be gone: answers what is left. */
  readonly leftovers?: () => Promise<readonly string[]>;
}

export interface Judgement {
  /** As in Expectation. */
  readonly end: string;
  readonly evidence: Evidence;
  readonly violations: readonly Violation[];
}

/** It is over, or nothing goes on before somebody decides. */
function isParked(run: RunView | undefined): boolean {
  return run !== undefined && (run.ended_at !== null || run.status === 'waiting');
}

export class WatchedRun {
  readonly id: string;
  readonly sessionId: string;
  readonly #stand: Stand;
  readonly #viewers: readonly Promise<Viewer>[];
  readonly #stopViewers = new AbortController();
  #waited = 0;

  private constructor(stand: Stand, run: RunView, random: SeededRandom, options: SubmitOptions) {
    this.id = run.id;
    this.sessionId = run.session_id;
    this.#stand = stand;
    const shared = { runId: run.id, urls: stand.urls, key: KEY, random, signal: this.#stopViewers.signal };
    this.#viewers = Array.from({ length: options.viewers ?? VIEWERS }, () => watch({ ...shared, ...(options.hangUpAfter !== undefined && { hangUpAfter: options.hangUpAfter }) }));
  }

  /** Submits until an API takes it, with an idempotency key so that it happens once. */
  static async submit(stand: Stand, random: SeededRandom, body: object, options: SubmitOptions = {}): Promise<WatchedRun> {
    const key = `fault-${random.between(0, 1e15)}-${process.pid}`;
    const run = await waitFor(
      async () => {
        const answer = await stand.ask('POST', '/v1/runs', { allowed_tools: ['Bash'], ...body }, { 'idempotency-key': key }).catch(() => undefined);
        if (answer && answer.status >= 400 && answer.status < 500) throw new Error(`the run was refused: ${answer.text}`);
        return answer?.status === 201 && (answer.json as RunView);
      },
      { what: 'an API that takes a run', timeoutMs: OVER_MS },
    );
    return new WatchedRun(stand, run, random, options);
  }

  /** How often the run waited for somebody's decision. */
  get waited(): number {
    return this.#waited;
  }

  /** The run as it is now; undefined when it is unknown or nobody answers. */
  async view(): Promise<RunView | undefined> {
    const answer = await this.#stand.ask('GET', `/v1/runs/${this.id}`).catch(() => undefined);
    return answer?.status === 200 ? (answer.json as RunView) : undefined;
  }

  /** Waits for a state of the run. @throws when it does not come */
  async until(what: string, is: (run: RunView) => boolean, timeoutMs = OVER_MS): Promise<RunView> {
    return waitFor(
      async () => {
        const run = await this.view();
        return run !== undefined && is(run) && run;
      },
      { what: `${this.id} to be ${what}`, timeoutMs },
    );
  }

  /** Waits until a tool of the run has written so many lines, or the run is over. */
  async effects(count: number): Promise<void> {
    const written = async (): Promise<boolean> => (await this.#stand.ledger.lines(this.id)).length >= count;
    await waitFor(async () => (await written()) || isParked(await this.view()), { what: `${count} effects of ${this.id}`, timeoutMs: OVER_MS });
  }

  /** Asks again while Redis does not answer the API in time. */
  async cancel(): Promise<number> {
    const status = async (): Promise<number> => (await this.#stand.ask('POST', `/v1/runs/${this.id}/cancel`)).status;
    return waitFor(async () => ((answer) => answer !== 503 && answer)(await status()), { what: `an answer to the cancel of ${this.id}`, timeoutMs: OVER_MS });
  }

  /** Waits for the end, deciding where a decision is asked for, and compares everything with what was promised. */
  async judge(expected: Expectation, options: JudgeOptions = {}): Promise<Judgement> {
    const run = await this.#over(options.decide ?? 'abandon', expected.mayBeLost === true);
    const left = await this.#leftAfterGrace(options.leftovers);
    const stop = setTimeout(() => this.#stopViewers.abort(), VIEWERS_MS);
    const viewers = await Promise.all(this.#viewers);
    clearTimeout(stop);
    const calls = await this.#stand.calls(sessionUuidOf(this.sessionId));
    const killedWorkers = this.#stand.workers.flatMap((worker) => [...worker.killed]);
    const evidence = { run, log: run ? await readLog(this.#stand.urls, this.id, KEY) : [], viewers, ledger: await this.#stand.ledger.lines(this.id), calls, leftovers: left, killedWorkers };
    return { end: run ? endOf(run) : 'unknown', evidence, violations: await keepEvidence(this.id, evidence, check(evidence, expected)) };
  }

  /** Nobody watches any more, and nobody judges. */
  async forget(): Promise<void> {
    this.#stopViewers.abort();
    await Promise.all(this.#viewers);
  }

  async #over(decision: string, mayBeLost: boolean): Promise<RunView | undefined> {
    const deadline = performance.now() + OVER_MS;
    let run: RunView | undefined;
    while (performance.now() < deadline) {
      const answer = await this.#stand.ask('GET', `/v1/runs/${this.id}`).catch(() => undefined);
      if (answer?.status === 404 && mayBeLost) return undefined;
      if (answer?.status === 200) {
        run = answer.json as RunView;
        if (run.ended_at !== null) return run;
        if (run.status === 'waiting' && run.waiting_for === 'recovery') await this.#decide(decision);
      }
      await sleep(150);
    }
    return run;
  }

  async #decide(action: string): Promise<void> {
    const answer = await this.#stand.ask('POST', `/v1/runs/${this.id}/recover`, { action }).catch(() => undefined);
    if (answer?.status === 200) this.#waited += 1;
  }

  async #leftAfterGrace(more: JudgeOptions['leftovers']): Promise<string[]> {
    const deadline = performance.now() + GRACE_MS;
    for (;;) {
      const processes = (await processesWithMark(this.id)).map((pid) => `process ${pid}`);
      const left = [...processes, ...((await more?.()) ?? [])];
      if (left.length === 0 || performance.now() > deadline) return left;
      await sleep(100);
    }
  }
}
