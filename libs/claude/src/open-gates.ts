// Tools that wait at the gate for our answer.
import type { JsonObject } from './message-peek.js';
import { hookCallbackOf } from './tool-gate.js';
import type { HookCallback } from './tool-gate.js';

/** A request ends when it is answered or withdrawn; at the latest when its tool has a result, or whoever asked for the tool is over. */
export class OpenGates {
  readonly #open = new Map<string, HookCallback>();

  get all(): readonly HookCallback[] {
    return [...this.#open.values()];
  }

  /** `control_request`. @returns false when it is about something else */
  request(message: JsonObject): boolean {
    const call = hookCallbackOf(message);
    if (call !== undefined) this.#open.set(call.requestId, call);
    return call !== undefined;
  }

  /** Answered, or withdrawn by `control_cancel_request`. */
  ended(requestId: string): void {
    this.#open.delete(requestId);
  }

  toolEnded(toolUseId: string): void {
    this.#drop((call) => call.toolUseId === toolUseId);
  }

  /** The conversation's own turn is over; subagents may go on. */
  turnEnded(): void {
    this.#drop((call) => call.agentId === undefined);
  }

  subagentsEnded(): void {
    this.#drop((call) => call.agentId !== undefined);
  }

  #drop(isOver: (call: HookCallback) => boolean): void {
    for (const call of this.all) if (isOver(call)) this.#open.delete(call.requestId);
  }
}
