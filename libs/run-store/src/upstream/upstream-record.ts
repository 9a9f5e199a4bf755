// What the store knows of the services behind the CLIs, one credential each.
import type { FailureCode } from '@runyard/domain';

/** Why runs of a credential wait: all of them resume by themselves. */
export const TROUBLE_KINDS = ['quota', 'overloaded', 'spend', 'auth', 'connection'] as const;
export type TroubleKind = (typeof TROUBLE_KINDS)[number];

/** What a run met. */
export interface UpstreamReport {
  readonly kind: TroubleKind;
  /** The failure of the runs that give up waiting. */
  readonly code: FailureCode;
  readonly message: string;
  /** How long the service itself asks to wait, in milliseconds. Default: 5 to 60 s by kind, doubled by each probe that fails. */
  readonly retryAfterMs?: number | undefined;
}

export interface UpstreamWait {
  /** When the next run asks again, in milliseconds of the clock of Redis. */
  readonly resumesAtMs: number;
}

/** `open`: runs wait. `half_open`: one of them asks. `closed`: all go, those that waited in the order of their creation. */
export type BreakerState = 'closed' | 'open' | 'half_open';

/**
 * What a worker shall do with its consumer. `rest`: take no runs, because others can do them and it cannot. `ask`: take one, to see whether it can
 * again. `go_on`: take runs as usual, also when nobody can do them: then they wait.
 */
export type Stance = 'rest' | 'ask' | 'go_on';

export interface UpstreamRecord {
  /** The first 12 characters of the id of the credential. */
  readonly credential: string;
  readonly state: BreakerState;
  /** The latest trouble; null when none is remembered. */
  readonly kind: TroubleKind | null;
  readonly code: FailureCode | null;
  readonly message: string | null;
  /** Since when it is in this state: ISO, by the clock of Redis; null when that is not remembered. */
  readonly since: string | null;
  /** When the next run asks; null unless it is open. */
  readonly until: string | null;
  /** How often in a row asking failed. */
  readonly failures: number;
  /** Runs that wait for it. */
  readonly waiting: number;
}
