// The closed list of reasons why a run did not succeed.
import { z } from 'zod';

interface FailureKind {
  /** May the same request succeed when it is tried again unchanged? */
  readonly retryable: boolean;
  /** What the owner of the run can do. */
  readonly hint: string;
}

/** Code → what it means. Users write rules on these words, so the list only grows with a decision record. */
export const FAILURE_KINDS = {
  claude_not_found: { retryable: true, hint: 'Install the Claude CLI on the worker (npm install) or set RUNYARD_CLAUDE_BIN.' },
  workspace_failed: { retryable: false, hint: 'Check that the directory exists, lies below RUNYARD_WORKSPACES and may be written by the worker.' },
  invalid_options: { retryable: false, hint: 'The run cannot work with these options; change what the message names.' },
  session_not_found: { retryable: false, hint: 'The conversation has no transcript any more; start a new run without session_id.' },
  authentication_failed: { retryable: false, hint: 'Set a valid ANTHROPIC_API_KEY (or other credential) for the worker and retry.' },
  billing_error: { retryable: false, hint: 'The account behind the credential has no credit; top it up and retry.' },
  rate_limited: { retryable: true, hint: 'The model provider refused for now; retry later.' },
  overloaded: { retryable: true, hint: 'The model provider is overloaded; retry later or set fallback_model.' },
  api_error: { retryable: true, hint: 'The model provider failed; retry.' },
  connection_failed: { retryable: true, hint: 'The worker could not reach the model provider; check ANTHROPIC_BASE_URL and the network, then retry.' },
  model_not_found: { retryable: false, hint: 'Choose a model that the credential may use.' },
  invalid_request: { retryable: false, hint: 'The model provider refused the request as malformed; see the message.' },
  prompt_too_long: { retryable: false, hint: 'Shorten the prompt or start a new session.' },
  max_output_tokens: { retryable: false, hint: 'The answer hit the output limit; ask for less at once.' },
  refused: { retryable: false, hint: 'The model refused; change the prompt.' },
  permission_unanswered: { retryable: false, hint: 'Add the tool that the message names to allowed_tools, or choose another permission_mode.' },
  max_turns: { retryable: false, hint: 'Raise max_turns, or continue the session with a new run.' },
  max_budget: { retryable: false, hint: 'Raise max_budget_usd, or continue the session with a new run.' },
  output_schema_unmet: { retryable: true, hint: 'The answer never matched output_schema; simplify the schema or the prompt.' },
  no_output: { retryable: true, hint: 'The CLI ended without saying anything; see log.stderr in the events.' },
  stalled: { retryable: true, hint: 'The CLI was silent for too long and was stopped; retry.' },
  not_exiting: { retryable: true, hint: 'The CLI did not end after its last answer and was stopped.' },
  timed_out: { retryable: false, hint: 'The run reached timeout_seconds; raise it, or continue the session with a new run.' },
  expired: { retryable: true, hint: 'The run waited in the queue longer than expires_in_seconds.' },
  out_of_memory: { retryable: false, hint: 'The process tree ran out of memory; give the worker more or ask for less.' },
  killed: { retryable: true, hint: 'Something outside Runyard killed the CLI.' },
  exited: { retryable: true, hint: 'The CLI ended with an error; see the message and log.stderr in the events.' },
  worker_lost: { retryable: true, hint: 'The worker of this run vanished while it ran; what it had done by then may remain. Look, then retry.' },
  poisoned: { retryable: false, hint: 'The run took down its worker several times; it will not be tried again.' },
  disk_full: { retryable: true, hint: 'Free space on the worker or the data directory, then retry.' },
  internal: { retryable: true, hint: 'A defect of Runyard; see the service logs and report it.' },
} as const satisfies Record<string, FailureKind>;

export type FailureCode = keyof typeof FAILURE_KINDS;
export const FailureCode = z.enum(Object.keys(FAILURE_KINDS) as [FailureCode, ...FailureCode[]]).meta({ id: 'FailureCode' });

export const Failure = z
  .object({
    code: FailureCode,
    message: z.string().describe('What happened and what to do next, for a person.'),
    retryable: z.boolean().describe('May the same request succeed when tried again unchanged?'),
  })
  .meta({ id: 'Failure', description: 'Why a run did not succeed.' });
export type Failure = z.infer<typeof Failure>;

/** A failure of a kind; the message is completed with the kind's hint, unless it is a failure's message already. */
export function failure(code: FailureCode, message: string): Failure {
  const kind: FailureKind = FAILURE_KINDS[code];
  if (message.endsWith(kind.hint)) return { code, message, retryable: kind.retryable };
  const sentence = /[.!?…]$/.test(message) ? message : `${message}.`;
  return { code, message: `${sentence} ${kind.hint}`, retryable: kind.retryable };
}
