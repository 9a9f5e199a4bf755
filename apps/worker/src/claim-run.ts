// Step 1: make the run of a ticket ours, or find that there is nothing to do.
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ticket } from '@runyard/run-queue';
import type { Lease, RunRecord } from '@runyard/run-store';
import type { ActiveRun } from './active-runs.js';
import { EventWriter } from './event-writer.js';
import { LeaseKeeper } from './lease-keeper.js';
import { monotonicMs } from './monotonic-clock.js';
import { StopOrders } from './stop-orders.js';
import { untilAnswered } from './until-answered.js';
import type { WorkerParts } from './worker-parts.js';

/** The run with its lease being kept, or undefined when the ticket is out of date. */
export async function claimRun(ticket: Ticket, parts: WorkerParts): Promise<ActiveRun | undefined> {
  const claimedAtMs = monotonicMs();
  // A ticket that failed here would keep its place in the queue's history, and the run would never get another one.
  const answer = await untilAnswered(
    () => parts.store.claim({ runId: ticket.runId, dispatch: ticket.dispatch, workerId: parts.id }),
    (error) => parts.log.warn({ run_id: ticket.runId, err: error }, 'the claim was not answered; asking again'),
  );
  if (answer?.kind === 'stale') parts.metrics.staleTicket();
  if (answer?.kind !== 'claimed') return undefined;
  const { run, previousAttempts } = answer;
  const active = activate(run, previousAttempts, claimedAtMs, parts);
  parts.active.add(active);
  if (previousAttempts === 0) parts.metrics.claimed(waitMs(run));
  parts.log.info({ run_id: run.id, attempt: run.attempt }, 'run claimed');
  return active;
}

/** How long the run had to wait; a run with a time of its own waits from then on. */
function waitMs({ createdAt, runAt, startedAt }: RunRecord): number {
  const dueMs = Math.max(Date.parse(createdAt), runAt === null ? 0 : Date.parse(runAt));
  return startedAt === null ? 0 : Date.parse(startedAt) - dueMs;
}

function activate(run: RunRecord, previousAttempts: number, claimedAtMs: number, parts: WorkerParts): ActiveRun {
  const { store, warden } = parts;
  const log = parts.log.child({ run_id: run.id, attempt: run.attempt });
  const lease: Lease = { runId: run.id, attempt: run.attempt, workerId: parts.id };
  const unique = randomBytes(8).toString('hex');
  const mark = `${run.id}.${run.attempt}.${unique}`;
  const privateDir = join(tmpdir(), `runyard-${unique}`);
  const orders = new StopOrders();
  const lost = new AbortController();
  let settling = false;
  const lose = (why: string): void => {
    log.error({ why, settling }, 'the lease is lost');
    if (settling) return;
    events.stop();
    lost.abort();
  };
  const events = new EventWriter({
    append: (flush) => store.append(lease, flush.number, flush.events),
    onLost: () => {
      parts.metrics.staleWrite('append');
      lose('the store refused its events');
    },
    onError: (error) => log.warn({ err: error }, 'events were not taken; sending them again'),
  });
  const keeper = new LeaseKeeper({
    claimedAtMs,
    renew: async () => {
      const answer = await store.renew(lease);
      if (answer.kind === 'lost') parts.metrics.staleWrite('renew');
      return answer;
    },
    onRenewed: (answer, deadlineAtMs) => {
      warden.renew(mark, deadlineAtMs);
      if (answer.cancelRequested) orders.order('canceled', 'The run was canceled.');
    },
    onLost: lose,
    onError: (error) => log.warn({ err: error }, 'the lease was not renewed'),
  });
  const stopWallClock = startWallClock(run, orders, parts);
  const settle = (): void => {
    settling = true;
    stopWallClock();
  };
  const release = (): void => {
    keeper.stop();
    stopWallClock();
  };
  const deadlineAtMs = (): number => keeper.deadlineAtMs;
  return { run, lease, previousAttempts, mark, privateDir, claimedAtMs, deadlineAtMs, orders, events, lost: lost.signal, settle, release };
}

function startWallClock(run: RunRecord, orders: StopOrders, { settings }: WorkerParts): () => void {
  const asked = run.request.timeout_seconds;
  const limitMs = asked === undefined ? settings.runTimeoutMs : asked * 1000;
  const timer = setTimeout(() => orders.order('timed_out', `The run reached its limit of ${limitMs / 1000} s.`), limitMs);
  return () => clearTimeout(timer);
}
