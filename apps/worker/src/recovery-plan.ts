// What becomes of a run that an earlier attempt left without an outcome: decided from facts, never guessed. Pure.
import { failure } from '@runyard/domain';
import type { Failure, Outcome } from '@runyard/domain';
import type { LeaveReason } from '@runyard/run-store';

/** How the owner of a run wants it to go on when its worker is lost. */
export type RecoveryOption = 'auto' | 'resume' | 'restart' | 'never';

/** What the attempts since the last start from the beginning have done, as the log tells. */
export interface PastWork {
  /** Claude completed a part of an answer. */
  readonly answered: boolean;
  /** A tool was let go that may change something. */
  readonly changed: boolean;
  /** Such tools of the last attempt whose result is not known, for a person: `Bash: make deploy`. */
  readonly changingInFlight: readonly string[];
  /** False when the log does not know the last attempt although a process was started, or a tool that it let go: Redis lost what it had confirmed. */
  readonly logIsWhole: boolean;
}

export interface PastRun {
  readonly option: RecoveryOption;
  /** Why the last attempt ended without an outcome; null when none did. */
  readonly left: LeaveReason | null;
  /** What a user decided about a run that waited for it. */
  readonly decision: 'resume' | 'restart' | null;
  /** Claims in a row that were lost without progress. */
  readonly losses: number;
  /** The outcome that an attempt wrote down, or that its last result means, and that the store never heard of. */
  readonly outcome: Outcome | undefined;
  /** Undefined when no process was ever started. `unknown`: one was, and this data directory knows nothing of it. */
  readonly work: PastWork | 'unknown' | undefined;
  /** The conversation so far can be gone on with. */
  readonly hasTranscript: boolean;
}

export type Plan =
  /** Nothing of the run has happened yet. */
  | { readonly kind: 'start' }
  /** From the prompt again, in a scratch workspace that is made new. */
  | { readonly kind: 'restart' }
  /** Go on with the conversation, with a note about what happened. */
  | { readonly kind: 'resume' }
  /** It was over already. */
  | { readonly kind: 'publish'; readonly outcome: Outcome }
  /** A person decides. */
  | { readonly kind: 'ask'; readonly detail: string }
  | { readonly kind: 'fail'; readonly failure: Failure };

/** So many claims in a row may be lost without progress. */
export const LOSSES_AT_MOST = 3;

/** The first rule that fits decides; see docs/decisions on recovery. */
export function planRecovery(past: PastRun): Plan {
  const { work, outcome } = past;
  if (outcome !== undefined) return { kind: 'publish', outcome };
  if (work === undefined) return past.losses >= LOSSES_AT_MOST ? poisoned(past.losses) : { kind: 'start' };
  if (past.decision === 'restart') return { kind: 'restart' };
  if (past.decision === 'resume') return past.hasTranscript ? { kind: 'resume' } : ask('It cannot be resumed: the conversation of its last attempt was not saved.');
  if (wasLost(past) && past.option === 'never') return { kind: 'fail', failure: failure('worker_lost', 'The worker that had this run vanished while it was under way.') };
  if (past.losses >= LOSSES_AT_MOST) return poisoned(past.losses);
  if (wasLost(past) && past.option === 'restart') return { kind: 'restart' };
  if (work === 'unknown') return ask('The data directory of this worker knows nothing of its last attempt: the workers do not share one, or it was emptied.');
  return planOfWork(past, work);
}

function planOfWork({ option, hasTranscript }: PastRun, work: PastWork): Plan {
  const unsure = uncertainty(work);
  // Only after a hand-over in the middle of something do these come here: for the owner that is as good as a loss.
  if (unsure !== undefined && option === 'restart') return { kind: 'restart' };
  if (unsure !== undefined && option === 'never') return { kind: 'fail', failure: failure('worker_lost', unsure) };
  if (unsure !== undefined && !(option === 'resume' && hasTranscript)) return ask(unsure);
  // Before Claude has answered there is nothing to go on with, and nothing to lose.
  if (!work.changed && !work.answered) return { kind: 'restart' };
  if (hasTranscript) return { kind: 'resume' };
  return work.changed ? ask('Something was changed, and the conversation of its last attempt was not saved.') : { kind: 'restart' };
}

/** What is not known about the last moments, for a person. */
function uncertainty({ logIsWhole, changingInFlight }: PastWork): string | undefined {
  const tools = changingInFlight.join('; ');
  if (!logIsWhole) return `Redis lost the last events of its last attempt: what that attempt did is not known.${tools === '' ? '' : ` This may have run: ${tools}.`}`;
  return tools === '' ? undefined : `It left its worker while this was under way, and nobody knows how far it came: ${tools}.`;
}

function wasLost({ left }: PastRun): boolean {
  return left === 'lease_expired' || left === 'lease_lost';
}

function ask(why: string): Plan {
  return { kind: 'ask', detail: `${why} Decide: resume, restart or abandon.` };
}

function poisoned(losses: number): Plan {
  return { kind: 'fail', failure: failure('poisoned', `${losses} workers in a row were lost with this run before it made progress.`) };
}
