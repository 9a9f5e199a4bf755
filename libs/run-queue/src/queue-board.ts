// The queue as the dashboard sees it: every ticket under the id and the name of its run.
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Job, Queue } from 'bullmq';
import { ticketOf } from './ticket.js';

/** Run ids → the names people gave to these runs; those without a name are left out. */
export type RunNames = (runIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;

const DESCRIPTION = [
  'Each ticket carries one run to a worker. The run itself is not here: what is done to tickets can delay a run, never change or double it.',
  'Retrying or promoting a ticket repeats no run; runyard retry does. The ticket of a run that is over is completed, also when the run failed.',
  'A run that waits for its run_at or for its session has no ticket yet. Priority 1 is taken first, 11 is the default, 21 comes last; they are listed last to first.',
].join(' ');

export class QueueBoard extends BullMQAdapter {
  readonly #names: RunNames;

  constructor(queue: Queue, names: RunNames) {
    super(queue, { displayName: 'Runs', description: DESCRIPTION });
    this.#names = names;
  }

  override async getJob(id: string): Promise<Job | undefined> {
    const ticket = await super.getJob(id);
    return ticket && (await this.#named([ticket]))[0];
  }

  override async getJobs(...query: Parameters<BullMQAdapter['getJobs']>): Promise<Job[]> {
    return this.#named(await super.getJobs(...query));
  }

  /** The name is looked up and not kept in the ticket: a ticket says nothing about its run. */
  async #named(tickets: Job[]): Promise<Job[]> {
    const names = await this.#names(tickets.flatMap((ticket) => runIdOf(ticket) ?? []));
    for (const ticket of tickets) {
      const runId = runIdOf(ticket);
      const name = runId === undefined ? undefined : names.get(runId);
      ticket.name = name === undefined ? (runId ?? ticket.name) : `${runId} · ${name}`;
    }
    return tickets;
  }
}

function runIdOf({ data }: Job): string | undefined {
  try {
    return ticketOf(data).runId;
  } catch {
    return undefined; // put in by hand
  }
}
