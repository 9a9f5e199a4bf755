// A result at the start of a resumed process that answers nothing which was sent to it. Pure.
import { objectField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

/**
 * When a process was killed while something ran in its background, the one that resumes the session first reports that: an init and a
 * successful result without text, before the turn of its own message (measured, 2.1.330). Taken for the run's result it would make a
 * success of a run that has done nothing. Later results of tasks count.
 * @param before the last result so far
 */
export function isLeftoverResult(result: JsonObject, before: JsonObject | undefined): boolean {
  return before === undefined && objectField(result, 'origin') !== undefined;
}
