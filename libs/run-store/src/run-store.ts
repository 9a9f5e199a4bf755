// The truth about runs, kept in one Redis primary: each method is one script, or a few.
import type { Outcome, RunStatus } from '@runyard/domain';
import type * as answers from './answers.js';
import { Compaction } from './compaction.js';
import { Connection } from './connection.js';
import { memberOf } from './dispatch-of.js';
import { DEFAULT_PREFIX, Keys } from './keys.js';
import { Lifecycle } from './lifecycle.js';
import { isRunId } from './page-token.js';
import { QueuedRuns } from './queued-runs.js';
import { RunEvents } from './run-events.js';
import type { RunRecord } from './run-record.js';
import { DEFAULT_ANSWER_MS, DEFAULT_LEASE_MS, DEFAULT_PATIENCE_MS } from './run-store-options.js';
import type { RunStoreOptions } from './run-store-options.js';
import { Runs } from './runs.js';
import { Schedules } from './schedules/schedules.js';
import { append, appendFromOutside } from './scripts/append.js';
import { claim } from './scripts/claim.js';
import { due } from './scripts/due.js';
import { finish } from './scripts/finish.js';
import { noteModel } from './scripts/note-model.js';
import { undispatched } from './scripts/outbox.js';
import { redispatchLost, requeue } from './scripts/redispatch.js';
import { renew } from './scripts/renew.js';
import { drainWorker, heartbeat, leave, workers } from './scripts/workers.js';
import { health, installationId, settingsProblems } from './server.js';
import { Subscriber } from './subscriber.js';
import { onWorkerSignal } from './worker-signals.js';

/**
 * Every method may throw RedisUnavailableError: at once with role `api`; with role `worker` only after close() or when Redis
 * refuses the credentials, because it waits for Redis otherwise.
 */
export class RunStore {
  readonly schedules: Schedules;
  readonly queued: QueuedRuns;
  /** What happens to all runs. */
  readonly lifecycle: Lifecycle;
  readonly #connection: Connection;
  readonly #subscriber: Subscriber;
  readonly #keys: Keys;
  readonly #leaseMs: number;
  readonly #runs: Runs;
  readonly #events: RunEvents;
  readonly #compaction: Compaction;

  private constructor(options: RunStoreOptions) {
    const { redis, dataDir, onError = () => {} } = options;
    this.#keys = new Keys(options.prefix ?? DEFAULT_PREFIX);
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
    const patienceMs = options.followPatienceMs ?? DEFAULT_PATIENCE_MS;
    this.#connection = new Connection(options.role, redis, options.answerMs ?? DEFAULT_ANSWER_MS, onError);
    this.#subscriber = new Subscriber(redis, onError);
    this.#runs = new Runs(this.#connection, this.#keys, dataDir);
    this.schedules = new Schedules(this.#connection, this.#keys);
    this.#events = new RunEvents(this.#connection, this.#keys, this.#subscriber, patienceMs, dataDir);
    this.queued = new QueuedRuns(this.#connection, this.#keys);
    this.lifecycle = new Lifecycle(this.#connection, this.#keys, this.#subscriber, patienceMs);
    this.#compaction = new Compaction(this.#connection, this.#keys, dataDir);
  }

  /** Connects in the background. */
  static open(options: RunStoreOptions): RunStore {
    return new RunStore(options);
  }

  /** Closes the connections and ends the followers. */
  async close(): Promise<void> {
    this.#events.close();
    this.lifecycle.close();
    this.#connection.close();
    this.#subscriber.close();
  }

  ping(): Promise<answers.RedisHealth> {
    return this.#connection.run(health);
  }

  /** What is wrong with the settings of the server, as sentences that name the fix. Empty = nothing. */
  checkSettings(): Promise<string[]> {
    return this.#connection.run(settingsProblems);
  }

  /** Made once, by whoever asks first. */
  installationId(): Promise<string> {
    return this.#connection.run((redis) => installationId(redis, this.#keys));
  }

  // --- runs

  create(input: answers.CreateInput): Promise<answers.CreateAnswer> {
    return this.#runs.create(input);
  }

  get(id: string): Promise<RunRecord | undefined> {
    return this.#runs.get(id);
  }

  /** @throws InvalidPageError when the page token is forged */
  list(query: answers.ListQuery): Promise<answers.RunPage> {
    return this.#runs.list(query);
  }

  /** The ids of a page of runs. @throws InvalidPageError when the page token is forged */
  listIds(query: answers.ListQuery): Promise<{ readonly ids: string[]; readonly nextPage: string | null }> {
    return this.#runs.ids(query);
  }

  /** Forgets a terminal run with its events and its directory below the data directory. */
  delete(id: string): Promise<'deleted' | 'not_found' | 'not_terminal'> {
    return this.#runs.delete(id);
  }

  /** The names that people gave to these runs; runs without one are left out. */
  names(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#runs.names(ids);
  }

  counts(): Promise<Record<RunStatus, number>> {
    return this.#runs.counts();
  }

  /** Ends a run without a process at once, else asks its worker to. Twice = once. */
  cancel(id: string): Promise<answers.CancelAnswer> {
    return this.#runs.cancel(id);
  }

  // --- the worker of a run

  async claim(input: answers.ClaimInput): Promise<answers.ClaimAnswer> {
    if (!isRunId(input.runId)) return { kind: 'stale' };
    return claim(this.#connection, this.#keys, { ...input, leaseMs: this.#leaseMs });
  }

  /** An expired lease is lost for ever, even when nobody else has the run yet. */
  renew(lease: answers.Lease): Promise<answers.RenewAnswer> {
    return this.#connection.run((redis) => renew(redis, this.#keys, { ...lease, leaseMs: this.#leaseMs }));
  }

  /**
   * Adds the events of one flush; a flush that comes again gets the first answer and adds nothing. `flush` counts 1, 2, … within
   * the attempt, and each is answered before the next is sent.
   */
  append(attempt: answers.Attempt, flush: number, events: readonly answers.NewEvent[]): Promise<answers.AppendAnswer> {
    return this.#connection.run((redis) => append(redis, this.#keys, attempt, { number: flush, events }));
  }

  noteModel(attempt: answers.Attempt, model: string): Promise<void> {
    return this.#connection.run((redis) => noteModel(redis, this.#keys, attempt, model));
  }

  /** The last flush, `run.finished` and the end of the run in one step. May be repeated. */
  finish(attempt: answers.Attempt, outcome: Outcome, flush?: answers.Flush): Promise<answers.FinishAnswer> {
    return this.#connection.run((redis) => finish(redis, this.#keys, attempt, outcome, flush));
  }

  /**
   * Gives a live run back to the queue. Answers the dispatch that now needs a ticket: of this run, or of the next one of its
   * session when a cancel was asked for.
   */
  requeue(attempt: answers.Attempt, reason: string): Promise<answers.Dispatch | undefined> {
    return this.#connection.run((redis) => requeue(redis, this.#keys, attempt, reason));
  }

  // --- what anyone may do for a run

  /** Adds an event to a run that is not terminal. Answers its id. */
  async appendFromOutside(runId: string, event: answers.NewEvent): Promise<string | undefined> {
    return isRunId(runId) ? appendFromOutside(this.#connection, this.#keys, runId, event) : undefined;
  }

  /** Turns the stream of a terminal run into one blob. May be repeated and run twice at once. */
  compact(runId: string): Promise<void> {
    return this.#compaction.compact(runId);
  }

  /** Terminal runs whose log is still a stream, oldest end first. */
  pendingCompactions(olderThanMs: number, limit: number): Promise<string[]> {
    return this.#connection.run((redis) => due(redis, this.#keys, { set: this.#keys.compactions, olderThanMs, limit }));
  }

  /** Dispatches that got no ticket for this long, oldest first. */
  undispatched(olderThanMs: number, limit: number): Promise<answers.Dispatch[]> {
    return this.#connection.run((redis) => undispatched(redis, this.#keys, { olderThanMs, limit }));
  }

  /** Notes that the ticket of a dispatch was added. */
  async dispatched(dispatch: answers.Dispatch): Promise<void> {
    await this.#connection.run((redis) => redis.zrem(this.#keys.outbox, memberOf(dispatch)));
  }

  /** Runs whose lease is over by the clock of Redis, the longest first. */
  expiredLeases(limit: number): Promise<string[]> {
    return this.#connection.run((redis) => due(redis, this.#keys, { set: this.#keys.leases, olderThanMs: 0, limit }));
  }

  /**
   * Gives a live run whose lease is over back to the queue. Answers the dispatch that now needs a ticket: of this run, or of the
   * next one of its session when a cancel was asked for.
   */
  async redispatchLost(runId: string): Promise<answers.Dispatch | undefined> {
    return this.#connection.run((redis) => redispatchLost(redis, this.#keys, runId));
  }

  // --- workers

  /** True when the worker was asked to take no more runs. */
  heartbeat(info: answers.WorkerInfo): Promise<boolean> {
    return this.#connection.run((redis) => heartbeat(redis, this.#keys, info));
  }

  leave(workerId: string): Promise<void> {
    return this.#connection.run((redis) => leave(redis, this.#keys, workerId));
  }

  /** Asks a worker to take no more runs and to finish what it has. False when there is no such worker. Twice = once. */
  drainWorker(workerId: string): Promise<boolean> {
    return this.#connection.run((redis) => drainWorker(redis, this.#keys, workerId));
  }

  /** Ordered by id; those not heard of for an hour are forgotten. */
  workers(): Promise<answers.WorkerRecord[]> {
    return this.#connection.run((redis) => workers(redis, this.#keys));
  }

  /** Resolves once signals arrive; the answer ends it. One listener per worker id. */
  onWorkerSignal(workerId: string, listener: (signal: answers.WorkerSignal) => void): Promise<() => Promise<void>> {
    return onWorkerSignal(this.#subscriber, this.#keys, workerId, listener);
  }

  // --- events

  /** Answers undefined when there is no such run. No events and no end: nothing more for now. @throws LogUnreadableError, RangeError */
  readEvents(runId: string, query: answers.ReadEventsQuery): Promise<answers.EventPage | undefined> {
    return this.#events.page(runId, query);
  }

  /**
   * Everything after an event id, then live; ends after `run.finished`, on abort, or when there is no such run. Rides out a Redis
   * that is away for a while. @throws RedisUnavailableError, LogUnreadableError, RangeError
   */
  follow(runId: string, query: answers.FollowQuery): AsyncGenerator<answers.StoredEvent> {
    return this.#events.follow(runId, query);
  }

  /** How many followers there are in this process. */
  viewers(): number {
    return this.#events.viewers + this.lifecycle.viewers;
  }
}
