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

  /** All runs, or those in one state or session: members `<created ms>_<run id>`, ordered by name. */
  index(filter?: { readonly status: string } | { readonly sessionId: string }): string {
    if (filter === undefined) return `${this.prefix}runs`;
    return 'status' in filter ? `${this.prefix}runs:status:${filter.status}` : `${this.prefix}runs:session:${filter.sessionId}`;
  }

  session(id: string): string {
    return `${this.prefix}session:${id}`;
  }

  /** Dispatches without a ticket: members `<run id>.<dispatch>`, scores in milliseconds. */
  get outbox(): string {
    return `${this.prefix}outbox`;
  }

  /** Run ids by the end of their lease in milliseconds. */
  get leases(): string {
    return `${this.prefix}leases`;
  }

  /** Run ids whose log is not compacted, by their end in milliseconds. */
  get compactions(): string {
    return `${this.prefix}compactions`;
  }

  get installation(): string {
    return `${this.prefix}installation`;
  }

  worker(id: string): string {
    return `${this.prefix}worker:${id}`;
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
