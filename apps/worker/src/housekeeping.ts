// What any worker may do for all: lost tickets, runs whose time has come or is over, lost workers' runs, and what ended runs leave behind.
import { startLeaderJobs } from '@runyard/run-store';
import type { Dispatch, EndedByTime, LeaderJob, RunStore } from '@runyard/run-store';
import { QueueUnavailableError } from '@runyard/run-queue';
import type { RunQueue } from '@runyard/run-queue';

const EVERY_MS = 1000;
const TIDY_EVERY_MS = 5000;
const FILES_EVERY_MS = 60_000;
/** Whoever makes a dispatch adds its ticket at once; after this time it is taken for forgotten. */
const FORGOTTEN_AFTER_MS = 2000;
const COMPACT_AFTER_MS = 10_000;
const AT_A_TIME = 50;
const DIRECTORIES_AT_A_TIME = 200;
const TOLD_AT_MOST = 10_000;

export interface HousekeepingOptions {
  readonly workerId: string;
  readonly store: Pick<RunStore, 'lead' | 'resign' | 'undispatched' | 'dispatched' | 'queued' | 'expiredLeases' | 'redispatchLost' | 'pendingCompactions' | 'compact' | 'staleFiles'>;
  readonly queue: Pick<RunQueue, 'enqueue'>;
  readonly onDone: (job: string, count: number) => void;
  /** A run that ended without any worker. */
  readonly onEnded: (ended: EndedByTime) => void;
  readonly onError: (job: string, error: unknown) => void;
}

/** Puts a dispatch into the queue; the outbox keeps it until that has worked. */
export async function sendTicket({ store, queue }: Pick<HousekeepingOptions, 'queue'> & { readonly store: Pick<RunStore, 'dispatched'> }, dispatch: Dispatch): Promise<void> {
  await queue.enqueue(dispatch);
  await store.dispatched(dispatch);
}

/** Starts the jobs, of which the API does the first family as well; the answer stops them and waits for what is under way. */
export function startHousekeeping(options: HousekeepingOptions): () => Promise<void> {
  const families = { dispatch: dispatchJobs(options), leftovers: leftoverJobs(options) };
  const stops = Object.entries(families).map(([family, jobs]) => startLeaderJobs({ ...options, holder: options.workerId, family, jobs }));
  return async () => void (await Promise.all(stops.map((stop) => stop())));
}

function dispatchJobs(options: HousekeepingOptions): LeaderJob[] {
  const { store } = options;
  const sendAll = async (dispatches: readonly Dispatch[]): Promise<number> => {
    for (const dispatch of dispatches) await sendTicket(options, dispatch);
    return dispatches.length;
  };
  const giveToAnother = async (runId: string): Promise<void> => {
    const dispatch = await store.redispatchLost(runId);
    if (dispatch) await sendTicket(options, dispatch);
  };
  return [
    { name: 'outbox', everyMs: EVERY_MS, work: async () => sendAll(await store.undispatched(FORGOTTEN_AFTER_MS, AT_A_TIME)) },
    { name: 'due', everyMs: EVERY_MS, work: async () => sendAll(await store.queued.advance(AT_A_TIME, options.onEnded)) },
    { name: 'leases', everyMs: EVERY_MS, work: async () => eachOf(await store.expiredLeases(AT_A_TIME), giveToAnother) },
  ];
}

function leftoverJobs({ store }: HousekeepingOptions): LeaderJob[] {
  // The store lets a log that cannot be compacted wait, so that others have their turn; it comes back, and is told of once.
  const told = new Set<string>();
  const compact = (runId: string): Promise<void> =>
    store.compact(runId).then(() => void told.delete(runId), (error: unknown) => {
      if (told.has(runId)) return;
      if (told.size >= TOLD_AT_MOST) told.clear();
      told.add(runId);
      throw error;
    });
  return [
    { name: 'compaction', everyMs: TIDY_EVERY_MS, work: async () => eachOf(await store.pendingCompactions(COMPACT_AFTER_MS, AT_A_TIME), compact) },
    { name: 'files', everyMs: FILES_EVERY_MS, work: () => store.staleFiles.remove(DIRECTORIES_AT_A_TIME) },
  ];
}

/** One that fails does not keep the others, unless nothing can work now. Answers how many there were. @throws what failed, when all were tried */
async function eachOf(ids: readonly string[], work: (id: string) => Promise<void>): Promise<number> {
  const errors: unknown[] = [];
  for (const id of ids) {
    try {
      await work(id);
    } catch (error) {
      if (error instanceof QueueUnavailableError) throw error;
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `failed for ${errors.length} of ${ids.length} runs`);
  return ids.length;
}
