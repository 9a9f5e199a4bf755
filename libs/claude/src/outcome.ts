// What a process said and how it ended → the outcome of the run. Pure.
import { failure } from '@runyard/domain';
import type { Failure, FailureCode, Outcome } from '@runyard/domain';
import type { ClaudeExit } from './claude-process.js';
import { describeDenials } from './denial-advice.js';
import { exitAfterResult, exitFailure, spawnFailure } from './exit-failure.js';
import { objectField, textField } from './json-fields.js';
import { resultFailure } from './result-failure.js';
import type { TurnTracker } from './turns.js';

/** A stop that Runyard ordered: `canceled`, or the code and the words of the failure. */
export type OrderedStop = { readonly reason: 'canceled' } | { readonly reason: FailureCode; readonly message: string };

export interface OutcomeInput {
  readonly exit: ClaudeExit;
  readonly tracker: Pick<TurnTracker, 'lastResult' | 'structuredOutput' | 'denials' | 'errorClass' | 'sawMessage' | 'usage' | 'turnOpen'>;
  /** The tail of stderr. */
  readonly stderr: string;
  /** An answer in a given JSON Schema was asked for. */
  readonly requestedSchema: boolean;
  /** What the session had cost before this process: see usage.ts. A fork starts with the price of its original. */
  readonly costBeforeUsd: number;
  readonly stop?: OrderedStop | undefined;
  /** How many processes the kernel has ended for want of memory since this one was started, where that is known. */
  readonly oomKills?: number | undefined;
  /** From the claim of the run to its end, in milliseconds. */
  readonly durationMs?: number;
}

/**
 * A stop that we ordered decides before exit code and result are looked at: the CLI exits with 0 after an
 * interrupt. Success is exit code 0, a last result without error, nothing deferred, nothing denied for want of an answer,
 * and the structured answer when one was asked for. What was produced is kept in every case.
 */
export function outcomeOf(input: OutcomeInput): Outcome {
  const { tracker, stop } = input;
  const canceled = stop?.reason === 'canceled';
  const why = canceled ? undefined : failureOf(input);
  return {
    status: canceled ? 'canceled' : why ? 'failed' : 'succeeded',
    failure: why ?? null,
    result: answerOf(tracker.lastResult),
    structured_output: tracker.structuredOutput ?? null,
    ...tracker.usage.spent({ before: input.costBeforeUsd }, tracker.turnOpen),
    duration_ms: input.durationMs ?? null,
  };
}

function failureOf({ exit, tracker, stderr, stop, requestedSchema, oomKills }: OutcomeInput): Failure | undefined {
  if (stop !== undefined && stop.reason !== 'canceled') return failure(stop.reason, stop.message);
  if (exit.spawnError) return spawnFailure(exit.spawnError);
  const result = tracker.lastResult;
  if (result === undefined) return exitFailure(exit, { stderr, oomKills, sawMessage: tracker.sawMessage });
  if (result['is_error'] !== false) return resultFailure(result, tracker.errorClass);
  if (exit.code !== 0) return exitAfterResult(exit, { stderr, oomKills });
  if (textField(result, 'stop_reason') === 'refusal') return resultFailure(result, tracker.errorClass);
  const deferred = objectField(result, 'deferred_tool_use');
  if (deferred !== undefined || textField(result, 'stop_reason') === 'tool_deferred') {
    return failure('permission_unanswered', `The use of ${textField(deferred, 'name') ?? 'a tool'} was put off and never decided.`);
  }
  const unanswered = tracker.denials.filter((denial) => denial.unanswered);
  if (unanswered.length > 0) return failure('permission_unanswered', describeDenials(unanswered));
  if (requestedSchema && tracker.structuredOutput === undefined) return failure('output_schema_unmet', 'Claude ended without the structured answer.');
  return undefined;
}

/** The text of a result is Claude's answer only when it is no error message of the CLI. */
function answerOf(result: Record<string, unknown> | undefined): string | null {
  return result?.['is_error'] === false ? (textField(result, 'result') ?? null) : null;
}
