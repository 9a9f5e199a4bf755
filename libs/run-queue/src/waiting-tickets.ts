// A look at the tickets in the queue that no worker has, page by page.
import type { Queue } from 'bullmq';
import { ticketId, ticketOf } from './ticket.js';
import type { Ticket } from './ticket.js';

/** Ours all have a priority; one without it was put in by hand. */
const STATES = ['waiting', 'prioritized', 'delayed'] as const;

export interface WaitingTickets {
  /** Those that can be read and stand under their own id. */
  readonly tickets: Ticket[];
  /** Where the next page begins; 0 after the last. */
  readonly next: number;
}

/** At most `limit` of each kind. */
export async function waitingTickets(queue: Queue<Ticket>, from: number, limit: number): Promise<WaitingTickets> {
  const pages = await Promise.all(STATES.map((state) => queue.getJobs([state], from, from + limit - 1, true)));
  // A ticket that is taken while we look leaves a hole.
  const tickets = pages.flatMap((page) => page.flatMap((job) => readable(job) ?? []));
  return { tickets, next: pages.some((page) => page.length === limit) ? from + limit : 0 };
}

function readable(job: { readonly id?: string | undefined; readonly data: unknown } | undefined): Ticket | undefined {
  if (job === undefined) return undefined;
  try {
    const ticket = ticketOf(job.data);
    return ticketId(ticket) === job.id ? ticket : undefined;
  } catch {
    return undefined; // put in by hand: whoever takes it says so
  }
}
