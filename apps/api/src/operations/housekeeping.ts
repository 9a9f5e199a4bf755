// What the API does without being asked: tickets that were not sent, and a look at the settings of Redis.
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { QueueUnavailableError, RunQueue } from '@runyard/run-queue';
import { RedisUnavailableError, RunStore } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import { TicketSender } from '../runs/ticket-sender.js';
import { RedisSettings } from './redis-settings.js';

const OUTBOX_EVERY_MS = 2_000;
const ADVANCE_EVERY_MS = 1_000;
const SETTINGS_EVERY_MS = 30_000;
/** A ticket that is younger is probably just being sent. */
const TICKET_OVERDUE_MS = 2_000;
const TICKETS_AT_ONCE = 100;
const LOOK_FOR_TICKETS_EVERY_MS = 5_000;
/** Each look asks the queue for every ticket of its page. */
const TICKETS_PER_LOOK = 200;

@Injectable()
export class Housekeeping {
  /** Where the next look for tickets begins. */
  #lookedUpTo = '';

  constructor(
    private readonly store: RunStore,
    private readonly queue: RunQueue,
    private readonly tickets: TicketSender,
    private readonly settings: RedisSettings,
    private readonly context: ApiContext,
  ) {}

  /** Runs until the API closes; the promise resolves then. */
  async run(): Promise<void> {
    await Promise.all([
      this.#repeat(OUTBOX_EVERY_MS, () => this.sendOverdueTickets()),
      this.#repeat(ADVANCE_EVERY_MS, () => this.advanceQueuedRuns()),
      this.#repeat(LOOK_FOR_TICKETS_EVERY_MS, () => this.restoreTickets()),
      this.#repeat(SETTINGS_EVERY_MS, () => this.settings.check()),
    ]);
  }

  /** Sends the tickets of runs that were created while the queue could not be reached. @throws RedisUnavailableError */
  async sendOverdueTickets(): Promise<void> {
    for (const dispatch of await this.store.undispatched(TICKET_OVERDUE_MS, TICKETS_AT_ONCE)) {
      if (!(await this.tickets.send(dispatch))) return;
    }
  }

  /**
   * Sends tickets again that were removed from the queue by hand while their run still waits: a page of the queued runs each time.
   * @throws RedisUnavailableError, QueueUnavailableError
   */
  async restoreTickets(): Promise<void> {
    const { dispatches, next } = await this.store.queued.ticketed(this.#lookedUpTo, TICKETS_PER_LOOK);
    this.#lookedUpTo = next;
    for (const dispatch of await this.queue.withoutTicket(dispatches)) {
      // A worker may have claimed the run a moment ago: then this ticket is stale and has no effect.
      this.context.logger.warn({ run_id: dispatch.runId, dispatch: dispatch.dispatch }, 'a queued run had no ticket any more: sending it again');
      if (!(await this.tickets.send(dispatch))) return;
    }
  }

  /** Lets runs whose time has come enter the queue, and ends those that nobody claimed in time. @throws RedisUnavailableError */
  async advanceQueuedRuns(): Promise<void> {
    for (const dispatch of await this.store.queued.advance(TICKETS_AT_ONCE)) {
      if (!(await this.tickets.send(dispatch))) return;
    }
  }

  async #repeat(everyMs: number, task: () => Promise<unknown>): Promise<void> {
    const { closing, logger } = this.context;
    while (!closing.aborted) {
      // Redis being away is told by whoever notices first, not every two seconds.
      await task().catch((error: unknown) => error instanceof RedisUnavailableError || error instanceof QueueUnavailableError || logger.error({ err: error }, 'housekeeping failed'));
      await sleep(everyMs, undefined, { signal: closing }).catch(() => undefined);
    }
  }
}
