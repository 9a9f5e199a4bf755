// Runs that wait in the queue: who is next, who has to wait longer, and what time alone does to them.
import type { WaitingFor } from '@runyard/domain';
import type { Backlog, Dispatch, EndedByTime, PrioritizeAnswer, TicketedPage } from './answers.js';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import { isRunId } from './page-token.js';
import { advance } from './scripts/advance.js';
import { backlog } from './scripts/backlog.js';
import { ofNoUse } from './scripts/of-no-use.js';
import { prioritize } from './scripts/prioritize.js';
import { ticketed } from './scripts/ticketed.js';
import { waitingCounts } from './scripts/waiting-counts.js';

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

  /** How many runs wait for somebody or something outside, by what it is. Of 20,000 at most. */
  waitingCounts(): Promise<Record<WaitingFor, number>> {
    return this.connection.run((redis) => waitingCounts(redis, this.keys));
  }

  /**
   * Lets runs whose time has come enter the queue, ends those that nobody claimed in time, and lets waiting ones go on; at most `limit` of each.
   * Answers the dispatches that now need a ticket, and tells of the runs that it ended.
   */
  async advance(limit: number, onEnded: (ended: EndedByTime) => void = () => {}): Promise<Dispatch[]> {
    const { dispatches, ended } = await this.connection.run((redis) => advance(redis, this.keys, limit));
    ended.forEach(onEnded);
    return dispatches;
  }

  /** A page of those whose ticket should be in the queue, oldest first. `after` is '' or `next` of the page before. */
  ticketed(after: string, limit: number): Promise<TicketedPage> {
    return this.connection.run((redis) => ticketed(redis, this.keys, after, limit));
  }

  /** Those of these dispatches that no worker will ever claim. */
  async ofNoUse<T extends Pick<Dispatch, 'runId' | 'dispatch'>>(dispatches: readonly T[]): Promise<T[]> {
    return dispatches.length === 0 ? [] : this.connection.run((redis) => ofNoUse(redis, this.keys, dispatches));
  }
}
