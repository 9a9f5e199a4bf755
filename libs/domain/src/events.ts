// Events: immutable facts about a run, and the order of their ids.
import { z } from 'zod';
import { Failure } from './failure-codes.js';
import { RunStatus } from './run-state.js';

/** Our own event types; every line of the CLI is `claude.<its type>`, whatever that type is. */
export const OWN_EVENT_TYPES = {
  'run.queued': 'The run was put into the queue; data: {dispatch, reason?}.',
  'run.started': 'A worker claimed the run; data: {attempt, worker_id}.',
  'run.waiting': 'The run waits for somebody or something; data: {waiting_for, held, resumes_at, reason}.',
  'run.resumed': 'The run goes on after its process was lost or taken away; data: {attempt, how: resume or restart}.',
  'run.interrupted': 'The current turn was ended; data: {reason, clean, held[]: tools that had not begun}.',
  'run.handed_over': 'The worker gave the run to another one; data: {worker_id}.',
  'run.finished': 'The run is over, always the last event; data: {status, failure, result, usage, cost_usd, num_turns, …}.',
  'permission.requested': 'The CLI asks whether a tool may be used; data: {request_id, tool_name, input}.',
  'permission.decided': 'Somebody decided; data: {request_id, decision}.',
  'input.received': 'Something was sent into the run; data: {input_id, type}.',
  'workspace.ready': 'The directory is there; data: {type, path, ignored[]}.',
  'log.stderr': 'The CLI wrote to stderr, or printed a line that is not JSON; data: {text}.',
} as const;
export type OwnEventType = keyof typeof OWN_EVENT_TYPES;
export type EventType = OwnEventType | `claude.${string}`;

/** The only type that compaction of a finished log drops: partial text that the full messages repeat. */
export const DELTA_EVENT_TYPE = 'claude.stream_event';

const EVENT_ID = /^(0|[1-9]\d{0,9})-([1-9]\d{0,15})$/;
export const EventId = z.string().regex(EVENT_ID, 'must be an event id such as 1-42');

export const RunEvent = z
  .object({
    id: EventId.describe('`<attempt>-<seq>`; seq counts the events of the run from 1 and never restarts.'),
    run_id: z.string(),
    ts: z.iso.datetime().describe('When it was appended, by the clock of Redis.'),
    type: z.string().describe('One of the types in docs/events.md, or claude.<type of the CLI line>.'),
    data: z.unknown().describe('For claude.*: the line of the CLI, unchanged but for the values of secrets.'),
  })
  .meta({ id: 'RunEvent', description: 'One immutable fact about a run.' });
export type RunEvent = z.infer<typeof RunEvent>;

export interface EventIdParts {
  readonly attempt: number;
  readonly seq: number;
}

/** The parts of an event id, or undefined when it is none. */
export function parseEventId(id: string): EventIdParts | undefined {
  const match = EVENT_ID.exec(id);
  return match ? { attempt: Number(match[1]), seq: Number(match[2]) } : undefined;
}

/** Order of two event ids: negative when `a` comes first. @throws RangeError when one is no event id */
export function compareEventIds(a: string, b: string): number {
  const [left, right] = [parseEventId(a), parseEventId(b)];
  if (!left || !right) throw new RangeError(`not an event id: ${left ? b : a}`);
  return left.attempt - right.attempt || left.seq - right.seq;
}

export const Usage = z
  .object({
    input_tokens: z.int(),
    output_tokens: z.int(),
    cache_read_input_tokens: z.int(),
    cache_creation_input_tokens: z.int(),
  })
  .meta({ id: 'Usage', description: 'Tokens, summed over all turns and attempts.' });
export type Usage = z.infer<typeof Usage>;

/** What running returned: the data of `run.finished` and the result fields of the run. */
export const Outcome = z
  .object({
    status: RunStatus.extract(['succeeded', 'failed', 'canceled']),
    failure: Failure.nullable(),
    result: z.string().nullable().describe("Claude's final answer."),
    structured_output: z.unknown().nullable().describe('The answer as JSON when output_schema was given.'),
    usage: Usage.nullable(),
    cost_usd: z.number().nullable(),
    cost_estimated: z.boolean(),
    num_turns: z.int().nullable(),
    duration_ms: z.int().nullable().describe('From the claim of the first attempt to the end, in milliseconds.'),
  })
  .meta({ id: 'Outcome' });
export type Outcome = z.infer<typeof Outcome>;
