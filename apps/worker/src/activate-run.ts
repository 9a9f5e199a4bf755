// A claimed run with everything that keeps it ours: its lease, its events, its limits.
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lease, RunRecord } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import { EventWriter } from './event-writer.js';
import { LeaseKeeper } from './lease-keeper.js';
import { StopOrders } from './stop-orders.js';
import { credentialOf } from './upstream.js';
import type { WorkerParts } from './worker-parts.js';

/** Starts renewing the lease at once. @param claimedAtMs monotonicMs() from before the claim was sent */
export function activateRun(run: RunRecord, claimedAtMs: number, parts: WorkerParts): ActiveRun {
  const unique = randomBytes(8).toString('hex');
  const mark = `${run.id}.${run.attempt}.${unique}`;
  const lease: Lease = { runId: run.id, attempt: run.attempt, workerId: parts.id };
  const orders = new StopOrders();
  const [leaving, hurried] = [new AbortController(), new AbortController()];
  const hold = new Hold({ lease, mark, claimedAtMs, orders }, parts);
  let stopWallClock = startWallClock(run, 0, orders, parts);
  return {
    run, lease, mark, claimedAtMs, orders,
    privateDir: join(tmpdir(), `runyard-${unique}`),
    credential: credentialOf(parts.hostEnvironment),
    events: hold.events,
    lost: hold.lost.signal,
    leaving: leaving.signal,
    hurried: hurried.signal,
    deadlineAtMs: () => hold.keeper.deadlineAtMs,
    isHeld: () => hold.keeper.check() && !hold.lost.signal.aborted,
    leave: (patienceMs) => {
      hold.events.hasten();
      leaving.abort();
      if (patienceMs <= 0) hurried.abort();
      else setTimeout(() => hurried.abort(), patienceMs).unref();
    },
    ranBefore: (ms) => {
      stopWallClock();
      stopWallClock = startWallClock(run, ms, orders, parts);
    },
    settle: () => {
      hold.settling = true;
      stopWallClock();
    },
    release: () => {
      hold.keeper.stop();
      stopWallClock();
    },
  };
}

interface Held {
  readonly lease: Lease;
  readonly mark: string;
  readonly claimedAtMs: number;
  readonly orders: StopOrders;
}

/** The lease and what is written under it: when one is lost, so is the other. */
class Hold {
  readonly lost = new AbortController();
  readonly events: EventWriter;
  readonly keeper: LeaseKeeper;
  /** The processes are gone: nothing that a lost lease could endanger is left. */
  settling = false;
  readonly #log: WorkerParts['log'];

  constructor({ lease, mark, claimedAtMs, orders }: Held, { store, warden, metrics, log }: WorkerParts) {
    this.#log = log.child({ run_id: lease.runId, attempt: lease.attempt });
    this.events = new EventWriter({
      append: (flush) => store.append(lease, flush.number, flush.events),
      onLost: () => {
        metrics.staleWrite('append');
        this.#lose('the store refused its events');
      },
      onDefect: (error) => {
        this.#log.error({ err: error }, 'the store does not take the events of the run: it ends');
        orders.order('internal', `Its events were refused: ${error instanceof Error ? error.message : String(error)}`);
      },
      isHeld: () => this.settling || this.keeper.check(),
      onError: (error) => this.#log.warn({ err: error }, 'events were not taken; sending them again'),
      onLeftOut: (leftOut) => this.#log.error({ ...leftOut }, 'the log is not whole: Redis took nothing while the run had to end'),
    });
    // Whoever is to be ended must not be held back by a Redis that takes no events: its end is what frees memory there.
    void orders.ordered.then(() => this.events.hasten());
    this.keeper = new LeaseKeeper({
      claimedAtMs,
      renew: async () => {
        const answer = await store.renew(lease);
        if (answer.kind === 'lost') metrics.staleWrite('renew');
        return answer;
      },
      onRenewed: (answer, deadlineAtMs) => {
        warden.renew(mark, deadlineAtMs);
        if (answer.cancelRequested) orders.order('canceled', 'The run was canceled.');
      },
      onLost: (why) => this.#lose(why),
      onError: (error) => this.#log.warn({ err: error }, 'the lease was not renewed'),
    });
  }

  #lose(why: string): void {
    // While it is settled the last renewal may find the run at its end already.
    if (this.settling) return this.#log.info({ why }, 'the lease ended while the run was settled');
    this.#log.error({ why }, 'the lease is lost');
    this.events.stop();
    this.lost.abort();
  }
}

/** The time that a run waits without a worker does not count. */
function startWallClock(run: RunRecord, beforeMs: number, orders: StopOrders, { settings }: WorkerParts): () => void {
  const asked = run.request.timeout_seconds;
  const limitMs = asked === undefined ? settings.runTimeoutMs : asked * 1000;
  const timer = setTimeout(() => orders.order('timed_out', `The run reached its limit of ${limitMs / 1000} s.`), Math.max(0, limitMs - beforeMs));
  return () => clearTimeout(timer);
}
