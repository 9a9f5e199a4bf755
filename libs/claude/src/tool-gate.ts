// The gate before every tool: the CLI asks, and the tool starts only after the answer. Messages of the control protocol. Pure.
import { objectField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

/** `request_id` of our `initialize`: its answer (17 KB about commands and models) is no message of the run. */
export const INITIALIZE_ID = 'runyard-initialize';
const CALLBACK_ID = 'runyard-gate';
/** The CLI's own limit for a hook, in seconds. Over it the hook counts as failed and the tool goes on: so never reached in practice. */
const GATE_TIMEOUT_SECONDS = 24 * 60 * 60;

/** The CLI is about to use a tool and waits for the answer. */
export interface HookCallback {
  readonly requestId: string;
  readonly toolName: string;
  readonly toolUseId: string;
  readonly input: JsonObject;
  /** Of the subagent that uses it; absent for the conversation itself. */
  readonly agentId?: string;
}

/** The first message to a process: registers the gate for every tool, also those of subagents and MCP servers. */
export function initializeMessage(): object {
  const gate = { matcher: '*', hookCallbackIds: [CALLBACK_ID], timeout: GATE_TIMEOUT_SECONDS };
  return { type: 'control_request', request_id: INITIALIZE_ID, request: { subtype: 'initialize', hooks: { PreToolUse: [gate] } } };
}

/** Lets a tool go on to the CLI's own permission rules: an answer that decides nothing. */
export function gateAnswer(requestId: string): object {
  return { type: 'control_response', response: { subtype: 'success', request_id: requestId, response: {} } };
}

/** Is this `control_response` the answer to `initializeMessage`? */
export function isInitializeAnswer(message: JsonObject): boolean {
  return message['type'] === 'control_response' && textField(objectField(message, 'response'), 'request_id') === INITIALIZE_ID;
}

/** Why the CLI has no gate, when this is an answer to `initializeMessage` that says so: then tools would start unasked. */
export function gateRefusal(message: JsonObject): string | undefined {
  const response = objectField(message, 'response');
  if (!isInitializeAnswer(message) || textField(response, 'subtype') === 'success') return undefined;
  return textField(response, 'error') ?? 'it did not say why';
}

/** Reads a `control_request` about a tool; undefined for every other message. */
export function hookCallbackOf(message: JsonObject): HookCallback | undefined {
  const request = objectField(message, 'request');
  const requestId = textField(message, 'request_id');
  if (message['type'] !== 'control_request' || requestId === undefined || request?.['subtype'] !== 'hook_callback') return undefined;
  const input = objectField(request, 'input');
  const agentId = textField(input, 'agent_id');
  return {
    requestId,
    toolName: textField(input, 'tool_name') ?? '',
    toolUseId: textField(input, 'tool_use_id') ?? textField(request, 'tool_use_id') ?? '',
    input: objectField(input, 'tool_input') ?? {},
    ...(agentId === undefined ? {} : { agentId }),
  };
}
