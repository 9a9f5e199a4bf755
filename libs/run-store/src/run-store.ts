// The truth about runs, kept in one Redis primary: each method is one script, or a few.
import type { RunStatus } from '@runyard/domain';
import type * as answers from './answers.js';
import { ApiReplicas } from './api-replicas.js';
import { Connection } from './connection.js';
import { memberOf } from './dispatch-of.js';
import { DEFAULT_PREFIX, Keys } from './keys.js';
import { LeasedRuns } from './leased-runs.js';
import type { RecoverAction, RecoverAnswer } from './leaving.js';
import { Lifecycle } from './lifecycle.js';
import { isRunId } from './page-token.js';
import { QueuedRuns } from './queued-runs.js';
import { RunEvents } from './run-events.js';
import { RunLog } from './run-log.js';
import type { RunRecord } from './run-record.js';
import { DEFAULT_ANSWER_MS, DEFAULT_LEASE_MS, DEFAULT_PATIENCE_MS } from './run-store-options.js';
import type { RunStoreOptions } from './run-store-options.js';
import { Runs } from './runs.js';
import { Schedules } from './schedules/schedules.js';
import { appendFromOutside } from './scripts/append.js';
import { due } from './scripts/due.js';
import { lead, resign } from './scripts/lead.js';
import { undispatched } from './scripts/outbox.js';
import { redispatchLost } from './scripts/redispatch.js';
import { drainWorker, heartbeat, leave, workers } from './scripts/workers.js';
import { health, installationId, memory, settingsProblems } from './server.js';
import { StaleFiles } from './stale-files.js';
import { Subscriber } from './subscriber.js';
import { Upstream } from './upstream/upstream.js';
import { onWorkerSignal } from './worker-signals.js';

/**
 * Every method may throw RedisUnavailableError: at once with role `api`; with role `worker` only after close() or when Redis
 * refuses the credentials, because it waits for Redis otherwise.
 */
export class RunStore extends LeasedRuns {
  readonly schedules: Schedules;
  /** The processes of the API. */
  readonly apiReplicas: ApiReplicas;
  readonly queued: QueuedRuns;
  /** The services behind the CLIs. */
  readonly upstream: Upstream;
  /** What is left over in the data directory. */
  readonly staleFiles: StaleFiles;
  /** What happens to all runs. */
  readonly lifecycle: Lifecycle;
  readonly #subscriber: Subscriber;
  readonly #runs: Runs;
  readonly #events: RunEvents;

  private constructor(options: RunStoreOptions) {
    const { redis, dataDir, onError = () => {} } = options;
    const connection = new Connection(options.role, redis, options.answerMs ?? DEFAULT_ANSWER_MS, onError);
    const keys = new Keys(options.prefix ?? DEFAULT_PREFIX);
    super(connection, keys, options.leaseMs ?? DEFAULT_LEASE_MS, new RunLog(connection, keys, options));
    const patienceMs = options.followPatienceMs ?? DEFAULT_PATIENCE_MS;
    this.#subscriber = new Subscriber(redis, onError);
    this.#runs = new Runs(this.connection, this.keys, dataDir);
    this.schedules = new Schedules(this.connection, this.keys);
    this.apiReplicas = new ApiReplicas(this.connection, this.keys);
    this.#events = new RunEvents(this.log.reader, this.keys, this.#subscriber, patienceMs);
    this.queued = new QueuedRuns(this.connection, this.keys);
    this.upstream = new Upstream(this.connection, this.keys);
    this.staleFiles = new StaleFiles(this.connection, this.keys, dataDir);
    this.lifecycle = new Lifecycle(this.connection, this.keys, this.#subscriber, patienceMs);
  }

  /** Connects in the background. */
  static open(options: RunStoreOptions): RunStore {
    return new RunStore(options);
  }

  /** Closes the connections and ends the followers. */
  async close(): Promise<void> {
    this.#events.close();
    this.lifecycle.close();
    this.connection.close();
    this.#subscriber.close();
  }

  ping(): Promise<answers.RedisHealth> {
    return this.connection.run(health);
  }

  /** How full Redis is. */
  memory(): Promise<Pick<answers.RedisHealth, 'usedMemoryBytes' | 'maxMemoryBytes'>> {
    return this.connection.run(memory);
  }

  /** What is wrong with the settings of the server, as sentences that name the fix. Empty = nothing. */
  checkSettings(): Promise<string[]> {
    return this.connection.run(settingsProblems);
  }

  /** Made once, by whoever asks first. */
  installationId(): Promise<string> {
    return this.connection.run((redis) => installationId(redis, this.keys));
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

  /** What becomes of a run that waits for recovery. Twice = once. */
  recover(id: string, action: RecoverAction): Promise<RecoverAnswer> {
    return this.#runs.recover(id, action);
  }

  // --- what anyone may do for a run

  /** Adds an event to a run that is not terminal. Answers its id. */
  async appendFromOutside(runId: string, event: answers.NewEvent): Promise<string | undefined> {
    return isRunId(runId) ? appendFromOutside(this.connection, this.keys, runId, event) : undefined;
  }

  /** Turns the stream of a terminal run into one blob. May be repeated and run twice at once. */
  compact(runId: string): Promise<void> {
    return this.log.compaction.compact(runId);
  }

  /** Terminal runs whose log is still a stream, oldest end first. */
  pendingCompactions(olderThanMs: number, limit: number): Promise<string[]> {
    return this.connection.run((redis) => due(redis, this.keys, { set: this.keys.compactions, olderThanMs, limit }));
  }

  /** Dispatches that got no ticket for this long, oldest first. */
  undispatched(olderThanMs: number, limit: number): Promise<answers.Dispatch[]> {
    return this.connection.run((redis) => undispatched(redis, this.keys, { olderThanMs, limit }));
  }

  /** Notes that the ticket of a dispatch was added. */
  async dispatched(dispatch: answers.Dispatch): Promise<void> {
    await this.connection.run((redis) => redis.zrem(this.keys.outbox, memberOf(dispatch)));
  }

  /** Runs whose lease is over by the clock of Redis, the longest first. */
  expiredLeases(limit: number): Promise<string[]> {
    return this.connection.run((redis) => due(redis, this.keys, { set: this.keys.leases, olderThanMs: 0, limit }));
  }

  /**
   * Gives a live run whose lease is over back to the queue. Answers the dispatch that now needs a ticket: of this run, or of the
   * next one of its session when a cancel was asked for.
   */
  async redispatchLost(runId: string): Promise<answers.Dispatch | undefined> {
    return this.connection.run((redis) => redispatchLost(redis, this.keys, runId));
  }

  /** Takes or prolongs the lead in a job for some milliseconds. False while another holder has it. */
  lead(job: string, holder: string, ttlMs: number): Promise<boolean> {
    return this.connection.run((redis) => lead(redis, this.keys, job, { holder, ttlMs }));
  }

  /** Gives up the lead, so that another may have it at once. */
  resign(job: string, holder: string): Promise<void> {
    return this.connection.run((redis) => resign(redis, this.keys, job, holder));
  }

  // --- workers

  /** True when the worker was asked to take no more runs. */
  heartbeat(info: answers.WorkerInfo): Promise<boolean> {
    return this.connection.run((redis) => heartbeat(redis, this.keys, info));
  }

  leave(workerId: string): Promise<void> {
    return this.connection.run((redis) => leave(redis, this.keys, workerId));
  }

  /** Asks a worker to take no more runs and to finish what it has. False when there is no such worker. Twice = once. */
  drainWorker(workerId: string): Promise<boolean> {
    return this.connection.run((redis) => drainWorker(redis, this.keys, workerId));
  }

  /** Ordered by id; those not heard of for an hour are forgotten. */
  workers(): Promise<answers.WorkerRecord[]> {
    return this.connection.run((redis) => workers(redis, this.keys));
  }

  /** Resolves once signals arrive; the answer ends it. One listener per worker id. */
  onWorkerSignal(workerId: string, listener: (signal: answers.WorkerSignal) => void): Promise<() => Promise<void>> {
    return onWorkerSignal(this.#subscriber, this.keys, workerId, listener);
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
