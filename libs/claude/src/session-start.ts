// What a process says about its session when a turn begins.
import { textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

/** What the first `system/init` says. */
export interface SessionStart {
  readonly sessionId: string;
  readonly model: string | undefined;
  readonly permissionMode: string | undefined;
  readonly claudeVersion: string | undefined;
}

/** Undefined when the message names no session. */
export function sessionStartOf(message: JsonObject): SessionStart | undefined {
  const sessionId = textField(message, 'session_id');
  if (sessionId === undefined) return undefined;
  return {
    sessionId,
    model: textField(message, 'model'),
    permissionMode: textField(message, 'permissionMode'),
    claudeVersion: textField(message, 'claude_code_version'),
  };
}
