// What a row of the fault table is.
import type { Violation } from './checker.ts';

export interface CaseResult {
  readonly seed: number;
  /** What was chosen and what came of it, for people. */
  readonly note: string;
  readonly violations: readonly Violation[];
  /** Numbers worth keeping, such as how long recovery took. */
  readonly facts?: Readonly<Record<string, number>>;
}

export interface Row {
  readonly number: number;
  readonly title: string;
  /** How many cases share a stand. */
  readonly together: number;
  /** How many cases CI runs. */
  readonly ci: number;
  /** Performs these cases on a stand of their own, at the same time where they can be. */
  readonly perform: (seeds: readonly number[]) => Promise<CaseResult[]>;
}

const LINES_OF_AN_ERROR = 8;

/** Performs the cases at the same time; one that breaks is a violation and disturbs no other. */
export function atOnce(seeds: readonly number[], perform: (seed: number) => Promise<CaseResult>): Promise<CaseResult[]> {
  return Promise.all(seeds.map((seed) => perform(seed).catch((error: unknown) => broken(seed, error))));
}

/** The result of a case that could not be performed to its end. */
export function broken(seed: number, error: unknown): CaseResult {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const what = text.split('\n').slice(0, LINES_OF_AN_ERROR).join('\n');
  return { seed, note: 'not performed to its end', violations: [{ invariant: 'I1', what }] };
}
