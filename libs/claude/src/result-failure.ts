// A result that says is_error → the failure code that people write rules on. Pure.
import { failure } from '@runyard/domain';
import type { Failure, FailureCode } from '@runyard/domain';
import { numberField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

const BY_SUBTYPE: Readonly<Record<string, FailureCode>> = {
  error_max_turns: 'max_turns',
  error_max_budget_usd: 'max_budget',
  error_max_structured_output_retries: 'output_schema_unmet',
};
const BY_TERMINAL_REASON: Readonly<Record<string, FailureCode>> = { prompt_too_long: 'prompt_too_long' };
const BY_API_ERROR: Readonly<Record<string, FailureCode>> = {
  max_output_tokens: 'max_output_tokens',
  connection_failed: 'connection_failed',
};
/** `error` of the synthetic assistant message that comes before the result. Its `server_error` says less than the status. */
const BY_ERROR_CLASS: Readonly<Record<string, FailureCode>> = {
  billing_error: 'billing_error',
  authentication_failed: 'authentication_failed',
  model_not_found: 'model_not_found',
  max_output_tokens: 'max_output_tokens',
  rate_limit: 'rate_limited',
  overloaded: 'overloaded',
};
const BY_STATUS: Readonly<Record<number, FailureCode>> = {
  401: 'authentication_failed',
  402: 'billing_error',
  403: 'authentication_failed',
  404: 'model_not_found',
  408: 'connection_failed',
  429: 'rate_limited',
  529: 'overloaded',
};
/** Said with 400 and without a class: the account has used up what its owner lets it spend. */
const SPEND_LIMIT = /reached your specified (\w+ )?API usage limits/i;
/** The last resort: the CLI's words, where it gives no status and no class. */
const BY_TEXT: readonly (readonly [RegExp, FailureCode])[] = [
  [/no conversation found|requires a valid session id/i, 'session_not_found'],
  [/repeated 529|overloaded/i, 'overloaded'],
  [/request timed out|connection (dropped|refused|error)|unable to connect|ECONN|EAI_AGAIN|ENOTFOUND|ETIMEDOUT|socket hang up/i, 'connection_failed'],
  [/not logged in|invalid api key|please run \/login/i, 'authentication_failed'],
  [/ENOSPC|no space left/i, 'disk_full'],
];

/** What the CLI says in a result: the answer, or in the error subtypes the list of errors. */
export function resultText(result: JsonObject): string {
  const errors = result['errors'];
  const lines = Array.isArray(errors) ? errors.filter((line): line is string => typeof line === 'string') : [];
  return textField(result, 'result') ?? lines.join('\n');
}

/**
 * @param errorClass `error` of the last assistant message, when that was a synthetic one
 * Each row is proven with the binary in failure-table.spec.ts.
 */
export function resultFailure(result: JsonObject, errorClass: string | undefined): Failure {
  const text = resultText(result);
  return failure(codeOf(result, errorClass, text), text === '' ? 'The CLI reported an error and did not say which.' : text);
}

function codeOf(result: JsonObject, errorClass: string | undefined, text: string): FailureCode {
  if (textField(result, 'stop_reason') === 'refusal') return 'refused';
  return (
    lookUp(BY_SUBTYPE, textField(result, 'subtype')) ??
    lookUp(BY_TERMINAL_REASON, textField(result, 'terminal_reason')) ??
    lookUp(BY_API_ERROR, textField(result, 'api_error')) ??
    lookUp(BY_ERROR_CLASS, errorClass) ??
    (SPEND_LIMIT.test(text) ? 'billing_error' : undefined) ??
    byStatus(numberField(result, 'api_error_status')) ??
    BY_TEXT.find(([words]) => words.test(text))?.[1] ??
    (textField(result, 'terminal_reason') === 'api_error' ? 'api_error' : 'exited')
  );
}

function byStatus(status: number | undefined): FailureCode | undefined {
  if (status === undefined) return undefined;
  return BY_STATUS[status] ?? (status >= 500 ? 'api_error' : 'invalid_request');
}

function lookUp(table: Readonly<Record<string, FailureCode>>, key: string | undefined): FailureCode | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}
