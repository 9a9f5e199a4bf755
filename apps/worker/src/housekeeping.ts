// Small loops that any worker may run: lost tickets, runs whose time has come or is over, lost workers' runs, finished logs that nobody compacted.
import type { RunQueue } from '@runyard/run-queue';
import type { Dispatch, RunStore } from '@runyard/run-store';

const EVERY_MS = 2000;
/** Whoever makes a dispatch adds its ticket at once; after this time it is taken for forgotten. */
const FORGOTTEN_AFTER_MS = 2000;
const COMPACT_AFTER_MS = 10_000;
const AT_A_TIME = 50;

export interface HousekeepingOptions {
  readonly store: Pick<RunStore, 'undispatched' | 'dispatched' | 'queued' | 'expiredLeases' | 'redispatchLost' | 'pendingCompactions' | 'compact'>;
  readonly queue: Pick<RunQueue, 'enqueue'>;
  readonly onError: (job: string, error: unknown) => void;
}

/** Puts a dispatch into the queue; the outbox keeps it until that has worked. */
export async function sendTicket({ store, queue }: Pick<HousekeepingOptions, 'store' | 'queue'>, dispatch: Dispatch): Promise<void> {
  await queue.enqueue(dispatch);
  await store.dispatched(dispatch);
}

async function sendForgottenTickets(options: HousekeepingOptions): Promise<void> {
  for (const dispatch of await options.store.undispatched(FORGOTTEN_AFTER_MS, AT_A_TIME)) await sendTicket(options, dispatch);
}

async function advanceQueuedRuns(options: HousekeepingOptions): Promise<void> {
  for (const dispatch of await options.store.queued.advance(AT_A_TIME)) await sendTicket(options, dispatch);
}

async function dispatchLostRuns(options: HousekeepingOptions): Promise<void> {
  for (const runId of await options.store.expiredLeases(AT_A_TIME)) {
    const dispatch = await options.store.redispatchLost(runId);
    if (dispatch) await sendTicket(options, dispatch);
  }
}

async function compactForgottenLogs({ store }: HousekeepingOptions): Promise<void> {
  for (const runId of await store.pendingCompactions(COMPACT_AFTER_MS, AT_A_TIME)) await store.compact(runId);
}

const JOBS = { sendForgottenTickets, advanceQueuedRuns, dispatchLostRuns, compactForgottenLogs };

/** Starts the loops; the answer stops them and waits for what is under way. An error is told and the next round tries again. */
export function startHousekeeping(options: HousekeepingOptions): () => Promise<void> {
  let round: Promise<void> | undefined;
  const doAll = async (): Promise<void> => {
    for (const [name, job] of Object.entries(JOBS)) await job(options).catch((error: unknown) => options.onError(name, error));
  };
  const timer = setInterval(() => {
    round ??= doAll().finally(() => {
      round = undefined;
    });
  }, EVERY_MS);
  return async () => {
    clearInterval(timer);
    await round;
  };
}
