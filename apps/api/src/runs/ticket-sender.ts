// Puts the tickets of dispatched runs into the queue. What fails here stays in the outbox and is sent later.
import { Injectable } from '@nestjs/common';
import { RunQueue } from '@runyard/run-queue';
import { RunStore } from '@runyard/run-store';
import type { Dispatch } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';

@Injectable()
export class TicketSender {
  constructor(
    private readonly store: RunStore,
    private readonly queue: RunQueue,
    private readonly context: ApiContext,
  ) {}

  /** True when the ticket is in the queue. Sending the same dispatch twice adds one ticket. */
  async send(dispatch: Dispatch): Promise<boolean> {
    try {
      await this.queue.enqueue(dispatch);
      await this.store.dispatched(dispatch);
      return true;
    } catch (error) {
      this.context.logger.warn({ err: error, run_id: dispatch.runId }, 'ticket not sent yet: it stays in the outbox');
      return false;
    }
  }

  /** Takes a ticket back that is of no use any more. One that stays is dropped when a worker claims it. */
  async withdraw(dispatch: Dispatch): Promise<void> {
    await this.queue.withdraw(dispatch).catch((error: unknown) => this.context.logger.debug({ err: error, run_id: dispatch.runId }, 'ticket not withdrawn'));
  }
}
