// Tool uses that Claude has asked for and that have no result yet.
import { objectField, objectsField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

export interface OpenTool {
  readonly id: string;
  readonly name: string;
  readonly input: JsonObject;
  /** Of the clock that the caller feeds. */
  readonly sinceMs: number;
}

export interface ToolResult {
  readonly tool: OpenTool;
  /** The CLI's entry about it in `tool_result_meta`. */
  readonly meta: JsonObject | undefined;
  /** Its text; empty when it is something else. */
  readonly text: string;
  /** `denied`: the tool did not run. */
  readonly outcome: 'ok' | 'error' | 'denied';
}

/** Follows `assistant` messages (tool_use) and `user` messages (tool_result), also those of subagents. */
export class OpenTools {
  readonly #open = new Map<string, OpenTool>();

  get all(): readonly OpenTool[] {
    return [...this.#open.values()];
  }

  assistant(message: JsonObject, nowMs: number): void {
    for (const block of objectsField(objectField(message, 'message'), 'content')) {
      const id = textField(block, 'id');
      if (textField(block, 'type') !== 'tool_use' || id === undefined) continue;
      this.#open.set(id, { id, name: textField(block, 'name') ?? '', input: objectField(block, 'input') ?? {}, sinceMs: nowMs });
    }
  }

  /** Closes the tools whose results the message carries, and returns these. */
  user(message: JsonObject): ToolResult[] {
    const metas = objectsField(message, 'tool_result_meta');
    return objectsField(objectField(message, 'message'), 'content').flatMap((block) => {
      const id = textField(block, 'tool_use_id');
      const tool = id === undefined ? undefined : this.#open.get(id);
      if (tool === undefined) return [];
      this.#open.delete(tool.id);
      const meta = metas.find((entry) => textField(entry, 'id') === tool.id);
      const outcome = textField(meta, 'non_execution_kind') !== undefined ? 'denied' : block['is_error'] === true ? 'error' : 'ok';
      return [{ tool, meta, text: textField(block, 'content') ?? '', outcome }];
    });
  }

  /** A turn is over: a tool without a result by now gets none. */
  clear(): void {
    this.#open.clear();
  }
}
