// What the store is asked and what it answers.
import type { CreateRun, EventType, FailureCode, RunStatus, TerminalStatus, Trigger } from '@runyard/domain';
import type { RunRecord } from './run-record.js';

export type * from './worker-info.js';

/** The n-th time a run was put into the queue: what one ticket carries. */
export interface Dispatch {
  readonly runId: string;
  readonly dispatch: number;
  /** −10 … 10, a higher number is taken sooner; absent = 0. Of use only where a ticket is made. */
  readonly priority?: number;
}

/** Queued runs whose ticket has been sent. */
export interface TicketedPage {
  readonly dispatches: Dispatch[];
  /** Where the next page begins; '' on the last one. */
  readonly next: string;
}

/** The right of one attempt to write to its run. */
export interface Attempt {
  readonly runId: string;
  readonly attempt: number;
}

export interface Lease extends Attempt {
  readonly workerId: string;
}

/** An event to append. `data` is JSON and is forwarded byte by byte. */
export interface NewEvent {
  readonly type: EventType;
  readonly data: Buffer | string;
}

/** A stored event. `data` holds the bytes that were appended. */
export interface StoredEvent {
  /** `<attempt>-<seq>` */
  readonly id: string;
  /** When it was appended, ISO, by the clock of Redis. */
  readonly ts: string;
  readonly type: string;
  readonly data: Buffer;
}

export interface CreateInput {
  readonly request: CreateRun;
  readonly trigger: Trigger;
  /** `fingerprint`: what must be the same for the same key, such as a hash of the body. Kept 72 h. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string };
  /** The run whose request is asked again. */
  readonly retryOf?: string | undefined;
  /** The schedule whose slot this run is. */
  readonly scheduleId?: string | undefined;
}

export type CreateAnswer =
  /** `dispatch` is null while the run waits for its session or its time; else it needs a ticket. */
  | { readonly kind: 'created'; readonly run: RunRecord; readonly dispatch: number | null }
  | { readonly kind: 'replayed'; readonly run: RunRecord }
  /** The key was used for another body, or for a run that has been deleted. */
  | { readonly kind: 'idempotency_key_reused' }
  | { readonly kind: 'session_not_found' };

/** Which runs are meant; all conditions hold. */
export interface RunFilter {
  readonly status?: RunStatus | undefined;
  readonly sessionId?: string | undefined;
  readonly tag?: string | undefined;
  readonly trigger?: Trigger | undefined;
  readonly scheduleId?: string | undefined;
  /** Only runs created later than this, in milliseconds since 1970. */
  readonly createdAfterMs?: number | undefined;
  /** Only runs created earlier than this, in milliseconds since 1970. */
  readonly createdBeforeMs?: number | undefined;
}

export interface ListQuery extends RunFilter {
  /** 1 to 100 runs; a page is shorter when its runs are large, or when filters that seldom hold together are combined. */
  readonly limit: number;
  readonly page?: string | undefined;
}

export interface RunPage {
  /** Newest first. */
  readonly runs: RunRecord[];
  /** null on the last page. */
  readonly nextPage: string | null;
}

/** A run that time alone ended: it expired, or waited too long. */
export interface EndedByTime {
  readonly trigger: Trigger;
  readonly code: FailureCode;
}

/** What waits for a worker. */
export interface Backlog {
  /** Runs that a worker could take. */
  readonly depth: number;
  /** How long the one that waits longest has been waiting, in milliseconds; null when none waits. */
  readonly oldestWaitMs: number | null;
}

export type PrioritizeAnswer =
  /** `next` needs a ticket; the ticket of `old` is of no use any more. Both null when nothing had to be moved. */
  | { readonly kind: 'moved'; readonly run: RunRecord; readonly next: Dispatch | null; readonly old: Dispatch | null }
  | { readonly kind: 'not_queued'; readonly status: RunStatus }
  | { readonly kind: 'not_found' };

export interface ClaimInput extends Dispatch {
  readonly workerId: string;
  /** Id of the credential that the run would use: while its service refuses, the run waits. Default: it never waits for one. */
  readonly credential?: string | undefined;
  /** After how long a run that has to wait for it ends as failed, in milliseconds; its first wait in a row counts. Default: never. */
  readonly giveUpAfterMs?: number | undefined;
}

export type ClaimAnswer =
  | {
      readonly kind: 'claimed';
      readonly run: RunRecord;
      /** How often a worker had claimed the run before. */
      readonly previousAttempts: number;
      /** Milliseconds of the clock of Redis. */
      readonly leaseUntilMs: number;
    }
  /** Not the latest dispatch, or the run is not queued, or it is unknown: the ticket completes without effect. */
  | { readonly kind: 'stale' }
  /** It waits for the service of its credential; the attempt was not raised. The ticket completes without effect. */
  | { readonly kind: 'parked' }
  /** This worker could only let it wait, and others can do it: the ticket completes, `next` needs one. The attempt was not raised. */
  | { readonly kind: 'elsewhere'; readonly next: Dispatch }
  /**
   * It, or a run that this worker has, is to be alone. The attempt was not raised. `next`: another worker has room, the ticket completes and this
   * one needs one; null: ask again within 5 s.
   */
  | { readonly kind: 'not_alone'; readonly next: Dispatch | null }
  /** The record was written by a newer version: hand the ticket on with `passOn`. */
  | { readonly kind: 'newer' };

/** Something that was sent into a live run. */
export interface InboxEntry {
  /** `inp_…` */
  readonly id: string;
  readonly type: string;
  /** JSON */
  readonly data: string;
}

export type RenewAnswer =
  | { readonly kind: 'renewed'; readonly leaseUntilMs: number; readonly cancelRequested: boolean; readonly inbox: InboxEntry[] }
  | { readonly kind: 'lost' };

export type AppendAnswer = { readonly kind: 'appended'; readonly firstSeq: number; readonly lastSeq: number } | { readonly kind: 'lost' };

export interface Flush {
  /** 1, 2, … within the attempt. */
  readonly number: number;
  readonly events: readonly NewEvent[];
  /** In the last flush of an attempt: the one before it, when nobody answered whether it arrived. Added only if it did not. */
  readonly unconfirmed?: Omit<Flush, 'unconfirmed'> | undefined;
}

export type FinishAnswer =
  /** `next`: the dispatch of the run that waited for this session. */
  | { readonly kind: 'finished'; readonly next: Dispatch | null }
  /** The run was terminal before, by this attempt or by a cancel. */
  | { readonly kind: 'already'; readonly status: TerminalStatus }
  | { readonly kind: 'lost' };

export type CancelAnswer =
  | { readonly kind: 'canceled' | 'requested' | 'already_terminal'; readonly run: RunRecord; readonly next: Dispatch | null }
  | { readonly kind: 'not_found' };

export interface ReadEventsQuery {
  /** Event id; only later events are read. Default: from the first. */
  readonly after?: string | undefined;
  /** At most this many events; a page may be shorter because of its bytes. */
  readonly limit: number;
  /** false leaves out `claude.stream_event`. Default true. */
  readonly deltas?: boolean | undefined;
}

export interface EventPage {
  readonly events: StoredEvent[];
  /** Nothing more will ever come: the run is terminal and this page reaches its end. */
  readonly end: boolean;
}

export interface FollowQuery {
  readonly after?: string | undefined;
  readonly signal: AbortSignal;
  readonly deltas?: boolean | undefined;
}

/** One event of any run, with its number among the events of all runs. Long data is cut to `{truncated: true, status}`. */
export interface LifecycleEvent {
  readonly kind: 'event';
  readonly number: number;
  readonly runId: string;
  readonly event: StoredEvent;
}

/** What happened before this number is not known any more: look at the runs themselves. */
export interface LifecycleReset {
  readonly kind: 'reset';
  readonly number: number;
}

export interface LifecycleQuery {
  /** Number of the last event that was seen. */
  readonly after: number;
  readonly signal: AbortSignal;
}

export interface RedisHealth {
  readonly latencyMs: number;
  readonly version: string;
  readonly usedMemoryBytes: number;
  /** 0 = no limit. */
  readonly maxMemoryBytes: number;
}
