// What the API does without being asked: tickets that are missing or of no use, runs whose time has come, lost workers' runs, and
// a look at the settings of Redis, and a sign that this process is there. All but the last two only in the process that leads.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { QueueUnavailableError, RunQueue } from '@runyard/run-queue';
import { RedisUnavailableError, RunStore, startLeaderJobs } from '@runyard/run-store';
import type { Dispatch, LeaderJob } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import { TicketSender } from '../runs/ticket-sender.js';
import { keepPresent } from './presence.js';
import { RedisSettings } from './redis-settings.js';

const EVERY_MS = 1_000;
const SETTINGS_EVERY_MS = 30_000;
/** A ticket that is younger is probably just being sent. */
const TICKET_OVERDUE_MS = 2_000;
const AT_ONCE = 100;
const LOOK_AT_TICKETS_EVERY_MS = 5_000;
/** Each look asks the queue for every ticket of its page. */
const TICKETS_PER_LOOK = 200;

@Injectable()
export class Housekeeping {
  /** Where the next look for lost tickets begins. */
  #lookedUpTo = '';
  /** Where the next look at tickets in the queue begins. */
  #sweptUpTo = 0;

  constructor(
    private readonly store: RunStore,
    private readonly queue: RunQueue,
    private readonly tickets: TicketSender,
    private readonly settings: RedisSettings,
    private readonly context: ApiContext,
  ) {}

  /** Runs until the API closes; the promise resolves then. */
  async run(): Promise<void> {
    const { closing } = this.context;
    const holder = `api_${randomUUID()}`;
    const stops = [this.#lead(holder, 'dispatch', this.#dispatchJobs()), this.#lead(holder, 'tickets', this.#ticketJobs())];
    const looking = this.#lookAtSettings();
    const present = keepPresent(this.store, this.context, (error) => this.#note('presence', error));
    if (!closing.aborted) await once(closing, 'abort');
    await Promise.all([looking, present, ...stops.map((stop) => stop())]);
  }

  /** Sends the tickets of runs that were created while the queue could not be reached. @throws RedisUnavailableError */
  async sendOverdueTickets(): Promise<number> {
    return this.#sendAll(await this.store.undispatched(TICKET_OVERDUE_MS, AT_ONCE));
  }

  /** Lets runs whose time has come enter the queue, and ends those that nobody claimed in time. @throws RedisUnavailableError */
  async advanceRuns(): Promise<number> {
    const { runMetrics } = this.context;
    return this.#sendAll(await this.store.queued.advance(AT_ONCE, ({ code, trigger }) => runMetrics.ended({ status: 'failed', reason: code, trigger, durationMs: undefined })));
  }

  /** Gives the runs of lost workers back to the queue. @throws RedisUnavailableError */
  async dispatchLostRuns(): Promise<number> {
    const lost = await this.store.expiredLeases(AT_ONCE);
    for (const runId of lost) {
      const dispatch = await this.store.redispatchLost(runId).catch((error: unknown) => this.#note('leases', error, runId));
      if (dispatch && !(await this.tickets.send(dispatch))) break;
    }
    return lost.length;
  }

  /**
   * Sends tickets again that are over, or were removed from the queue by hand, while their run still waits: a page of the queued
   * runs each time. @throws RedisUnavailableError, QueueUnavailableError
   */
  async restoreTickets(): Promise<number> {
    const { dispatches, next } = await this.store.queued.ticketed(this.#lookedUpTo, TICKETS_PER_LOOK);
    this.#lookedUpTo = next;
    const lost = await this.queue.withoutTicket(dispatches);
    for (const { runId, dispatch } of lost) {
      // A worker may have claimed the run a moment ago: then this ticket is stale and has no effect.
      this.context.logger.warn({ run_id: runId, dispatch }, 'a queued run had no ticket any more: sending it again');
    }
    return this.#sendAll(lost);
  }

  /**
   * Removes tickets that would have no effect, unless a worker has them: of runs that are over, gone or at work, and of earlier
   * dispatches. A page of the queue each time. @throws RedisUnavailableError, QueueUnavailableError
   */
  async sweepTickets(): Promise<number> {
    const { tickets, next } = await this.queue.waiting(this.#sweptUpTo, TICKETS_PER_LOOK);
    this.#sweptUpTo = next;
    const useless = await this.store.queued.ofNoUse(tickets);
    for (const ticket of useless) await this.queue.withdraw(ticket);
    return useless.length;
  }

  #dispatchJobs(): LeaderJob[] {
    return [
      { name: 'outbox', everyMs: EVERY_MS, work: () => this.sendOverdueTickets() },
      { name: 'due', everyMs: EVERY_MS, work: () => this.advanceRuns() },
      { name: 'leases', everyMs: EVERY_MS, work: () => this.dispatchLostRuns() },
    ];
  }

  #ticketJobs(): LeaderJob[] {
    return [
      { name: 'tickets_restored', everyMs: LOOK_AT_TICKETS_EVERY_MS, work: () => this.restoreTickets() },
      { name: 'tickets_removed', everyMs: LOOK_AT_TICKETS_EVERY_MS, work: () => this.sweepTickets() },
    ];
  }

  #lead(holder: string, family: string, jobs: readonly LeaderJob[]): () => Promise<void> {
    const { store, context } = this;
    return startLeaderJobs({ store, family, holder, jobs, onDone: (job, count) => context.runMetrics.reconciled(job, count), onError: (job, error) => this.#note(job, error) });
  }

  /** Answers how many were sent; what is left stays in the outbox. */
  async #sendAll(dispatches: readonly Dispatch[]): Promise<number> {
    for (const [sent, dispatch] of dispatches.entries()) if (!(await this.tickets.send(dispatch))) return sent;
    return dispatches.length;
  }

  async #lookAtSettings(): Promise<void> {
    const { closing } = this.context;
    while (!closing.aborted) {
      await this.settings.check().catch((error: unknown) => this.#note('settings', error));
      await sleep(SETTINGS_EVERY_MS, undefined, { signal: closing }).catch(() => undefined);
    }
  }

  #note(job: string, error: unknown, runId?: string): undefined {
    // Redis being away is told by whoever notices first, not every second.
    if (error instanceof RedisUnavailableError || error instanceof QueueUnavailableError) return;
    this.context.logger.error({ err: error, job, run_id: runId }, 'housekeeping failed; trying again');
  }
}
