// Runs that wait in the queue: who is next, who has to wait longer, and what time alone does to them.
import type { Backlog, Dispatch, PrioritizeAnswer, TicketedPage } from './answers.js';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import { isRunId } from './page-token.js';
import { advance } from './scripts/advance.js';
import { backlog } from './scripts/backlog.js';
import { prioritize } from './scripts/prioritize.js';
import { ticketed } from './scripts/ticketed.js';

export class QueuedRuns {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
  ) {}

  /** Gives a queued run another priority, −10 … 10. One that waits for a worker goes to the end of its new priority. */
  async prioritize(id: string, priority: number): Promise<PrioritizeAnswer> {
    return isRunId(id) ? this.connection.run((redis) => prioritize(redis, this.keys, id, priority)) : { kind: 'not_found' };
  }

  /** What waits for a worker. */
  backlog(): Promise<Backlog> {
    return this.connection.run((redis) => backlog(redis, this.keys));
  }

  /**
   * Lets runs whose time has come enter the queue, and ends those that nobody claimed in time; at most `limit` of each.
   * Answers the dispatches that now need a ticket.
   */
  advance(limit: number): Promise<Dispatch[]> {
    return this.connection.run((redis) => advance(redis, this.keys, limit));
  }

  /** A page of those whose ticket should be in the queue, oldest first. `after` is '' or `next` of the page before. */
  ticketed(after: string, limit: number): Promise<TicketedPage> {
    return this.connection.run((redis) => ticketed(redis, this.keys, after, limit));
  }
}
