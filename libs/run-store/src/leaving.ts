// How a run leaves its worker without an outcome, and how it comes back: what is asked and answered.
import type { FailureCode, RecoverRun, RunStatus, TerminalStatus, WaitingFor } from '@runyard/domain';
import type { Dispatch } from './answers.js';
import type { RunRecord } from './run-record.js';
import type { SpentSoFar } from './spent.js';

/** Why the last attempt ended without an outcome. */
export const LEAVE_REASONS = ['lease_expired', 'lease_lost', 'handed_over', 'quota', 'auth', 'recovery'] as const;
export type LeaveReason = (typeof LEAVE_REASONS)[number];

export type RecoverAction = RecoverRun['action'];

/** What a user decided for a run that waited for recovery. */
export type RecoveryDecision = Exclude<RecoverAction, 'abandon'>;

export interface ParkInput {
  readonly waitingFor: WaitingFor;
  readonly left: LeaveReason;
  /** For people: why the run waits and what has to happen. */
  readonly detail: string;
  /** Milliseconds since 1970 by the clock of Redis: then the run goes back into the queue by itself. */
  readonly resumesAtMs?: number | undefined;
  /** Id of the credential whose service the run waits for (see `upstream`): then its breaker says when the run goes on. */
  readonly credential?: string | undefined;
  /** With `credential`: after how long the run ends as failed instead, in milliseconds; the first wait in a row counts. Default: never. */
  readonly giveUpAfterMs?: number | undefined;
  /** … and with which code. Default: that of the trouble which the breaker remembers. */
  readonly failureCode?: FailureCode | undefined;
  /** By all attempts, for the case that the run ends while it waits. */
  readonly spent?: SpentSoFar | undefined;
  /** More for the data of `run.waiting`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

export type ParkAnswer =
  | { readonly kind: 'parked' }
  /** It need not wait: another worker, with a credential or a way to the provider that works, can go on with it. */
  | { readonly kind: 'passed_on'; readonly next: Dispatch }
  /** A cancel had been asked for and won. `next`: the dispatch of the run that waited for this session. */
  | { readonly kind: 'canceled'; readonly next: Dispatch | null }
  | { readonly kind: 'already'; readonly status: TerminalStatus }
  | { readonly kind: 'lost' };

export type RecoverAnswer =
  /** `next` needs a ticket: of this run, or after `abandon` of the next one of its session. */
  | { readonly kind: 'recovered'; readonly run: RunRecord; readonly next: Dispatch | null }
  | { readonly kind: 'not_waiting'; readonly status: RunStatus; readonly waitingFor: WaitingFor | null }
  | { readonly kind: 'not_found' };

export type PassOnAnswer =
  /** `passes`: how often in a row, this time included. */
  | { readonly kind: 'passed_on'; readonly next: Dispatch; readonly passes: number }
  /** It went round too often and has failed. `next`: the dispatch of the run that waited for this session. */
  | { readonly kind: 'exhausted'; readonly next: Dispatch | null }
  /** Not the latest dispatch, or the run is not queued: nothing to do. */
  | { readonly kind: 'stale' };
