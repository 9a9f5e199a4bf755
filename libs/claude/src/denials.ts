// Tool uses that were not allowed, and whether anybody could have allowed them.
import { objectField, objectsField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';
import type { OpenTool } from './open-tools.js';

export interface Denial {
  readonly toolUseId: string;
  readonly toolName: string;
  readonly input: JsonObject;
  /** The CLI's words. */
  readonly message: string;
  /**
   * True when the CLI wanted to ask and nobody was there; false when a rule, the permission mode or a person said no.
   * Only the first spoils a run.
   */
  readonly unanswered: boolean;
}

/** The CLI's word for "would have asked": 2.1.330 stamps each tool result that is not the tool's own with its reason. */
const ASKED = 'user-rejected';
/** The host went away while it was asked: stamped like a decision of the host. */
const HOST_GONE = /^Tool permission request failed|^Stream closed$/;
/** Modes that answer every question with no by themselves. */
const DECIDING_MODES = new Set(['dontAsk', 'plan']);

/**
 * Collects denials from three kinds of messages, in the order in which they come for one tool use:
 * `system/permission_denied` (the reason), `user` (the tool result with `tool_result_meta`), `result` (the list).
 */
export class Denials {
  readonly #reasons = new Map<string, JsonObject>();
  readonly #byToolUse = new Map<string, Denial>();

  get all(): readonly Denial[] {
    return [...this.#byToolUse.values()];
  }

  /** `system/permission_denied` */
  reason(message: JsonObject): void {
    const id = textField(message, 'tool_use_id');
    if (id !== undefined) this.#reasons.set(id, message);
  }

  /** One tool result of a `user` message: `meta` is its entry in `tool_result_meta`, `text` its content. */
  toolResult(tool: OpenTool, meta: JsonObject | undefined, text: string): void {
    const reason = this.#reasons.get(tool.id);
    this.#reasons.delete(tool.id);
    const kind = textField(meta, 'non_execution_kind');
    if (kind !== ASKED && kind !== 'permission-rule' && !kind?.startsWith('automode-')) return;
    const decidedBy = textField(reason, 'decision_reason_type') ?? textField(objectField(meta, 'permission_decision'), 'reason_type');
    const unanswered = HOST_GONE.test(text) || (kind === ASKED && decidedBy !== 'mode');
    this.#add({ toolUseId: tool.id, toolName: tool.name, input: tool.input, message: textField(reason, 'message') ?? text, unanswered });
  }

  /** `permission_denials` of a result: those of versions that do not stamp tool results are only known from here. */
  result(message: JsonObject, permissionMode: string | undefined): void {
    for (const entry of objectsField(message, 'permission_denials')) {
      const toolUseId = textField(entry, 'tool_use_id');
      const toolName = textField(entry, 'tool_name');
      if (toolUseId === undefined || toolName === undefined || this.#byToolUse.has(toolUseId)) continue;
      const unanswered = !DECIDING_MODES.has(permissionMode ?? '');
      this.#add({ toolUseId, toolName, input: objectField(entry, 'tool_input') ?? {}, message: '', unanswered });
    }
  }

  #add(denial: Denial): void {
    this.#byToolUse.set(denial.toolUseId, denial);
  }
}
