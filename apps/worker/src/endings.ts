// How an attempt ends: with an outcome, or with the run going on elsewhere or later.
import type { Outcome } from '@runyard/domain';
import type { ParkInput, SpentSoFar } from '@runyard/run-store';

export type Ending =
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  /** The run waits without a process. */
  | { readonly kind: 'park'; readonly input: ParkInput }
  /** Another worker goes on with the conversation. */
  | { readonly kind: 'hand_over'; readonly spent?: SpentSoFar }
  /** The lease is over: whoever claims the run next decides. */
  | { readonly kind: 'lost' }
  /** Nothing was begun: another worker has room for it. */
  | { readonly kind: 'give_back' }
  /** Redis forgot attempts that the data directory knows: the run is claimed again with a number above theirs. */
  | { readonly kind: 'raise_attempt'; readonly atLeast: number };

export function isEnding(value: object): value is Ending {
  return 'kind' in value && ['outcome', 'park', 'hand_over', 'lost', 'give_back', 'raise_attempt'].includes(String(value.kind));
}
