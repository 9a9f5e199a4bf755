// Tickets: what carries a run through the queue. They name the run and say nothing about it.

export interface Ticket {
  readonly v: 1;
  readonly runId: string;
  /** The n-th time the run was put into the queue; only the latest counts. */
  readonly dispatch: number;
}

/** One ticket per dispatch: BullMQ adds a job id once while it knows it. */
export function ticketId({ runId, dispatch }: Pick<Ticket, 'runId' | 'dispatch'>): string {
  return `${runId}.${dispatch}`;
}

/** @throws TypeError that says why when `data` is no ticket that this version understands */
export function ticketOf(data: unknown): Ticket {
  const { v, runId, dispatch } = (typeof data === 'object' && data !== null ? data : {}) as Partial<Record<keyof Ticket, unknown>>;
  if (v !== 1) throw new TypeError(`the ticket has version ${JSON.stringify(v)}, this worker understands version 1: update the worker`);
  if (typeof runId !== 'string' || !Number.isSafeInteger(dispatch)) throw new TypeError('the ticket names no run or no dispatch');
  return { v, runId, dispatch: dispatch as number };
}
