// The user messages written to a process, and which of them it has dealt with.
import { objectField, textField } from './json-fields.js';
import type { JsonObject } from './message-peek.js';

/** States of `command_lifecycle` after which nothing more comes of a message. */
const FINAL = new Set(['completed', 'cancelled', 'discarded', 'refused']);

/**
 * A message counts as dealt with when the CLI says so (`command_lifecycle`, only for messages with a uuid), or, with a CLI
 * that does not say it, when there has been a result for each message.
 */
export class SentMessages {
  readonly #pending = new Set<string>();
  #completed = 0;
  #speaksLifecycle = false;

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Something was sent and all of it is dealt with. */
  get allCompleted(): boolean {
    return this.#completed > 0 && this.#pending.size === 0;
  }

  add(uuid: string): void {
    this.#pending.add(uuid);
  }

  lifecycle(message: JsonObject): void {
    this.#speaksLifecycle = true;
    if (FINAL.has(textField(message, 'state') ?? '')) this.#complete(textField(message, 'command_uuid'));
  }

  result(message: JsonObject): void {
    if (this.#speaksLifecycle || objectField(message, 'origin') !== undefined) return;
    this.#complete(this.#pending.values().next().value);
  }

  #complete(uuid: string | undefined): void {
    if (uuid !== undefined && this.#pending.delete(uuid)) this.#completed += 1;
  }
}
