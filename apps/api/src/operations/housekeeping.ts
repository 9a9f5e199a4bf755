// What the API does without being asked: tickets that were not sent, and a look at the settings of Redis.
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { RedisUnavailableError, RunStore } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import { TicketSender } from '../runs/ticket-sender.js';
import { RedisSettings } from './redis-settings.js';

const OUTBOX_EVERY_MS = 2_000;
const SETTINGS_EVERY_MS = 30_000;
/** A ticket that is younger is probably just being sent. */
const TICKET_OVERDUE_MS = 2_000;
const TICKETS_AT_ONCE = 100;

@Injectable()
export class Housekeeping {
  constructor(
    private readonly store: RunStore,
    private readonly tickets: TicketSender,
    private readonly settings: RedisSettings,
    private readonly context: ApiContext,
  ) {}

  /** Runs until the API closes; the promise resolves then. */
  async run(): Promise<void> {
    await Promise.all([
      this.#repeat(OUTBOX_EVERY_MS, () => this.sendOverdueTickets()),
      this.#repeat(SETTINGS_EVERY_MS, () => this.settings.check()),
    ]);
  }

  /** Sends the tickets of runs that were created while the queue could not be reached. @throws RedisUnavailableError */
  async sendOverdueTickets(): Promise<void> {
    for (const dispatch of await this.store.undispatched(TICKET_OVERDUE_MS, TICKETS_AT_ONCE)) {
      if (!(await this.tickets.send(dispatch))) return;
    }
  }

  async #repeat(everyMs: number, task: () => Promise<unknown>): Promise<void> {
    const { closing, logger } = this.context;
    while (!closing.aborted) {
      // Redis being away is told by whoever notices first, not every two seconds.
      await task().catch((error: unknown) => error instanceof RedisUnavailableError || logger.error({ err: error }, 'housekeeping failed'));
      await sleep(everyMs, undefined, { signal: closing }).catch(() => undefined);
    }
  }
}
