// Tickets: what carries a run through the queue. They name the run and say nothing about it.
import { TICKET_VERSION } from '@runyard/domain';

export interface Ticket {
  /** TICKET_VERSION of whoever made it. A higher one than our own: hand it on to a worker that understands it. */
  readonly v: number;
  readonly runId: string;
  /** The n-th time the run was put into the queue; only the latest counts. */
  readonly dispatch: number;
}

/** One ticket per dispatch: BullMQ adds a job id once while it knows it. */
export function ticketId({ runId, dispatch }: Pick<Ticket, 'runId' | 'dispatch'>): string {
  return `${runId}.${dispatch}`;
}

/** What every version of a ticket has: newer ones may only add to it. @throws TypeError that says why when `data` is no ticket */
export function ticketOf(data: unknown): Ticket {
  const { v, runId, dispatch } = (typeof data === 'object' && data !== null ? data : {}) as Partial<Record<keyof Ticket, unknown>>;
  if (!isCount(v)) throw new TypeError(`the ticket has version ${JSON.stringify(v)}, which should be a whole number from 1`);
  if (typeof runId !== 'string' || !isCount(dispatch)) throw new TypeError('the ticket names no run or no dispatch');
  return { v, runId, dispatch };
}

/** True for tickets of a version that this process does not understand. */
export function isNewer({ v }: Pick<Ticket, 'v'>): boolean {
  return v > TICKET_VERSION;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
