// The tools of one attempt: which were let through the gate, which ended and how. Pure.
import { objectField, objectsField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';
import { describeTool } from './tool-description.js';
import { isReadOnlyTool } from './tool-effects.js';
import { hookCallbackOf } from './tool-gate.js';

/** A tool that the worker wrote down before it let it go. */
export interface NotedTool {
  readonly id: string;
  readonly name: string;
}

/** A tool that was let through the gate, or was about to be: the message about it is in the log, so it may have run. */
export interface ReleasedTool extends NotedTool {
  /** Empty when it is lost. */
  readonly input: JsonObject;
  /** Only the note about it is left: nobody knows what it was to do. */
  readonly isInputLost?: true;
  /** Of the subagent that used it. */
  readonly agentId?: string;
}

export interface CompletedTool extends ReleasedTool {
  /** One line of at most 200 bytes: the tool and what it worked on. */
  readonly description: string;
  /** `denied`: it did not run. `stopped`: it was ended while it ran, and its result says so to the model. */
  readonly outcome: 'ok' | 'error' | 'denied' | 'stopped';
}

/** The CLI's stamp on results of tools that did not run, and also of those that an interrupt ended while they ran. */
const REJECTED = 'user-rejected';
const LAST_COMPLETED = 5;

export class UsedTools {
  readonly #asked = new Map<string, ReleasedTool>();
  readonly #released = new Map<string, ReleasedTool>();
  readonly #completed = new Set<string>();
  readonly #neverRan = new Set<string>();
  /** Requests at the gate → the tool. */
  readonly #gates = new Map<string, string>();
  readonly #denied = new Set<string>();
  readonly #noted: ReadonlyMap<string, ReleasedTool>;
  #last: CompletedTool[] = [];

  /** @param noted in the order in which they were let go */
  constructor(noted: readonly NotedTool[] = []) {
    this.#noted = new Map(noted.map(({ id, name }) => [id, { id, name, input: {}, isInputLost: true }]));
  }

  get released(): readonly ReleasedTool[] {
    return [...this.#released.values(), ...this.unlogged.filter(({ id }) => !this.#released.has(id))];
  }

  /** Noted, without a request at the gate: messages are missing, since a tool is noted after its request was stored. */
  get unlogged(): readonly ReleasedTool[] {
    const logged = new Set(this.#gates.values());
    return [...this.#noted.values()].filter(({ id }) => !logged.has(id)).map((tool) => this.find(tool.id) ?? tool);
  }

  get completed(): readonly string[] {
    return [...this.#completed];
  }

  get inFlight(): readonly ReleasedTool[] {
    return this.released.filter(({ id }) => !this.#completed.has(id) && !this.#neverRan.has(id));
  }

  get changed(): boolean {
    return this.released.some(({ id, name }) => !isReadOnlyTool(name) && !this.#neverRan.has(id));
  }

  get lastCompleted(): readonly CompletedTool[] {
    return this.#last;
  }

  find(id: string | undefined): ReleasedTool | undefined {
    return id === undefined ? undefined : (this.#released.get(id) ?? this.#asked.get(id) ?? this.#noted.get(id));
  }

  /** `assistant`: what the model asks for has not begun. */
  assistant(message: JsonObject): void {
    for (const block of objectsField(objectField(message, 'message'), 'content')) {
      const id = textField(block, 'id');
      if (textField(block, 'type') !== 'tool_use' || id === undefined) continue;
      this.#asked.set(id, { id, name: textField(block, 'name') ?? '', input: objectField(block, 'input') ?? {} });
    }
  }

  /** `control_request`: from here on the tool may run. */
  gate(message: JsonObject): void {
    const call = hookCallbackOf(message);
    if (call === undefined) return;
    const { requestId, toolUseId: id, toolName: name, input, agentId } = call;
    this.#gates.set(requestId, id);
    this.#released.set(id, { id, name, input, ...(agentId === undefined ? {} : { agentId }) });
  }

  /** `control_cancel_request`: the CLI gave up waiting at the gate, and then the tool does not run (measured, 2.1.330). */
  gateCanceled(message: JsonObject): void {
    const id = this.#gates.get(textField(message, 'request_id') ?? '');
    if (id !== undefined && !this.#completed.has(id)) this.#neverRan.add(id);
  }

  /** `system/permission_denied` */
  denied(message: JsonObject): void {
    this.#denied.add(textField(message, 'tool_use_id') ?? '');
  }

  /** `user` */
  results(message: JsonObject): void {
    const metas = objectsField(message, 'tool_result_meta');
    for (const block of objectsField(objectField(message, 'message'), 'content')) {
      const id = textField(block, 'tool_use_id');
      const tool = this.find(id);
      if (id === undefined || tool === undefined) continue;
      const kind = textField(metas.find((meta) => textField(meta, 'id') === id), 'non_execution_kind');
      this.#complete(tool, this.#outcomeOf(id, kind, block['is_error'] === true));
    }
  }

  #outcomeOf(id: string, kind: string | undefined, isError: boolean): CompletedTool['outcome'] {
    if (this.#neverRan.has(id) || this.#denied.has(id)) return 'denied';
    if (kind === REJECTED) return 'stopped';
    if (kind !== undefined) return 'denied';
    return isError ? 'error' : 'ok';
  }

  #complete(tool: ReleasedTool, outcome: CompletedTool['outcome']): void {
    this.#completed.add(tool.id);
    if (outcome === 'denied') this.#neverRan.add(tool.id);
    // A tool that has worked without the gate has worked all the same.
    if (outcome === 'ok' && !this.#released.has(tool.id)) this.#released.set(tool.id, tool);
    this.#last = [...this.#last, { ...tool, outcome, description: describeTool(tool) }].slice(-LAST_COMPLETED);
  }
}
