// Permission requests that wait for somebody's answer.
import { objectField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

export interface OpenPermission {
  readonly requestId: string;
  readonly toolName: string;
  readonly toolUseId: string | undefined;
  readonly input: JsonObject;
  /** Of the clock that the caller feeds. */
  readonly sinceMs: number;
}

export class OpenPermissions {
  readonly #open = new Map<string, OpenPermission>();

  get all(): readonly OpenPermission[] {
    return [...this.#open.values()];
  }

  /** `control_request`: other kinds of requests are left alone. */
  request(message: JsonObject, nowMs: number): void {
    const request = objectField(message, 'request');
    const requestId = textField(message, 'request_id');
    if (requestId === undefined || request?.['subtype'] !== 'can_use_tool') return;
    this.#open.set(requestId, {
      requestId,
      toolName: textField(request, 'tool_name') ?? '',
      toolUseId: textField(request, 'tool_use_id'),
      input: objectField(request, 'input') ?? {},
      sinceMs: nowMs,
    });
  }

  /** Answered or withdrawn. */
  answered(requestId: string): void {
    this.#open.delete(requestId);
  }
}
