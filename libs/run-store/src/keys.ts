// Names of keys and channels. The scripts build the same names from the prefix.

export const DEFAULT_PREFIX = 'runyard:';

export class Keys {
  constructor(readonly prefix: string) {}

  run(id: string): string {
    return `${this.prefix}run:${id}`;
  }

  events(id: string): string {
    return `${this.run(id)}:events`;
  }

  log(id: string): string {
    return `${this.run(id)}:log`;
  }

  /** All runs: members `<created ms>_<run id>`, ordered by name. */
  get runs(): string {
    return `${this.prefix}runs`;
  }

  /** Those that have one value in common, with the same members. */
  index(kind: 'status' | 'session' | 'trigger' | 'schedule' | 'tag', value: string): string {
    return `${this.runs}:${kind}:${value}`;
  }

  schedule(id: string): string {
    return `${this.prefix}schedule:${id}`;
  }

  /** What became of the slots of a schedule, by their due time in milliseconds. */
  slots(scheduleId: string): string {
    return `${this.schedule(scheduleId)}:slots`;
  }

  /** Ids of all schedules, ordered by name. */
  get schedules(): string {
    return `${this.prefix}schedules`;
  }

  session(id: string): string {
    return `${this.prefix}session:${id}`;
  }

  /** Dispatches without a ticket: members `<run id>.<dispatch>`, scores in milliseconds. */
  get outbox(): string {
    return `${this.prefix}outbox`;
  }

  /** Ids of the runs that wait for a worker, in the order in which they will be taken. */
  get backlog(): string {
    return `${this.prefix}backlog`;
  }

  /** The last events of all runs that are no output, by their number. */
  get lifecycle(): string {
    return `${this.prefix}lifecycle`;
  }

  /** How many of those events there have ever been. */
  get lifecycleLast(): string {
    return `${this.lifecycle}:last`;
  }

  /** Channel on which they are published. */
  get lifecycleLive(): string {
    return `${this.lifecycle}:live`;
  }

  /** Run ids by the end of their lease in milliseconds. */
  get leases(): string {
    return `${this.prefix}leases`;
  }

  /** Ids of waiting runs that go on by themselves, by that time in milliseconds. */
  get waits(): string {
    return `${this.prefix}waits`;
  }

  /** Who does a job that one process at a time shall do. */
  leader(job: string): string {
    return `${this.prefix}leader:${job}`;
  }

  /** Run ids whose log is not compacted, by their end in milliseconds. */
  get compactions(): string {
    return `${this.prefix}compactions`;
  }

  /** The breaker of a credential. */
  upstream(credential: string): string {
    return `${this.prefix}upstream:${credential}`;
  }

  get installation(): string {
    return `${this.prefix}installation`;
  }

  worker(id: string): string {
    return `${this.prefix}worker:${id}`;
  }

  /** Present when the worker was asked to take no more runs. */
  drain(workerId: string): string {
    return `${this.worker(workerId)}:drain`;
  }

  /** Present when the worker could not connect to the provider while others could. */
  cutOff(workerId: string): string {
    return `${this.worker(workerId)}:cut_off`;
  }

  /** Worker ids by when they were last heard of, in milliseconds. */
  get workers(): string {
    return `${this.prefix}workers`;
  }

  /** Channel on which new events of a run are published. */
  live(runId: string): string {
    return `${this.run(runId)}:live`;
  }

  /** Channel that wakes a worker. */
  signals(workerId: string): string {
    return `${this.worker(workerId)}:signals`;
  }
}
