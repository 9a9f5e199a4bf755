// A run as the store keeps it: one Redis hash.
import type { CreateRun, Outcome, QueuedReason, RunStatus, Trigger, WaitingFor } from '@runyard/domain';
import type { LeaveReason, RecoveryDecision } from './leaving.js';

/** Where the events of a run are: live in a stream, or finished as a zstd blob in Redis or in the data directory. */
export type LogPlace = 'stream' | 'redis' | 'file';

/** One run. Times are ISO strings by the clock of Redis. */
export interface RunRecord {
  readonly id: string;
  readonly status: RunStatus;
  /** How often a worker claimed the run: the fencing token. 0 before the first claim. */
  readonly attempt: number;
  /** The latest dispatch. 0 = none yet: the run waits for its session or its time. */
  readonly dispatch: number;
  /** seq of the last event. */
  readonly seq: number;
  /** `capacity` while a ticket is out, `session` while another run of the session is live, `run_at` before its time; null when not queued. */
  readonly queuedReason: QueuedReason | null;
  readonly waitingFor: WaitingFor | null;
  readonly held: boolean;
  /** Until when the lease holds, in milliseconds of the clock of Redis; null without a lease. */
  readonly leaseUntilMs: number | null;
  /** The run is `running` and its lease was over when the record was read. */
  readonly leaseExpired: boolean;
  /** −10 … 10; a higher number is taken sooner. */
  readonly priority: number;
  /** Its place among the runs that wait for a worker, from 1; null when it does not. */
  readonly queuePosition: number | null;
  /** Before this time it was not to start. */
  readonly runAt: string | null;
  /** Not claimed by then it ends as expired. */
  readonly expiresAt: string | null;
  /** The run whose request is asked again. */
  readonly retryOf: string | null;
  readonly scheduleId: string | null;
  readonly workerId: string | null;
  /** The body of the request as parsed. */
  readonly request: CreateRun;
  readonly trigger: Trigger;
  readonly sessionId: string;
  /** `session_id` was given: the conversation is resumed, or forked when `forkOf` is set. */
  readonly continues: boolean;
  /** The session that is forked. */
  readonly forkOf: string | null;
  /** What the CLI reported. */
  readonly model: string | null;
  readonly cancelRequestedAt: string | null;
  readonly createdAt: string;
  /** The claim of the first attempt. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Present when the run is terminal. */
  readonly outcome: Outcome | null;
  readonly log: LogPlace;
  /** The last attempt that may have started a process; 0 = none has. */
  readonly spawned: number;
  /** Why the last attempt that had the run ended without an outcome. */
  readonly left: LeaveReason | null;
  /** Workers lost in a row without progress. */
  readonly losses: number;
  /** What a user decided after a loss, for the attempt that claims the run next; null for later ones. */
  readonly decision: RecoveryDecision | null;
  /** When a waiting run goes on by itself. */
  readonly resumesAt: string | null;
  /** For people: why the run waits. */
  readonly waitingDetail: string | null;
  /** Version of the record, RECORD_VERSION of whoever created it. */
  readonly v: number;
}
