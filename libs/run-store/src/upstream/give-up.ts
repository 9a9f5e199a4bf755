// What a run that waited too long ends with, and times as scripts take them.
import { failure } from '@runyard/domain';
import type { ParkInput } from '../leaving.js';
import { CANCELED } from '../outcomes.js';
import type { ScriptArgument } from '../script.js';

/** The outcome as JSON, or '' when the run has no words of its own for it. */
export function gaveUp({ failureCode, detail }: Pick<ParkInput, 'failureCode' | 'detail'>): string {
  return failureCode === undefined ? '' : JSON.stringify({ ...CANCELED, status: 'failed', failure: failure(failureCode, detail) });
}

/** Whole milliseconds, or '' for none. */
export function wholeMs(time: number | undefined): ScriptArgument {
  return time === undefined ? '' : Math.ceil(time);
}
