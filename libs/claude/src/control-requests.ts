// Our own requests to the CLI over stdin, and the answers that come back over stdout.
import type { JsonObject } from './message-peek.js';

export interface ControlAnswer {
  readonly ok: boolean;
  /** The body of a successful answer, or the CLI's error text. */
  readonly response: unknown;
}

/** Matches each control_response to the request that it answers; both carry the same `request_id`. */
export class ControlRequests {
  readonly #waiting = new Map<string, (answer: ControlAnswer | undefined) => void>();
  #count = 0;

  /**
   * Makes a request and waits for its answer.
   * @param write sends the message; false means that nobody will answer
   * @returns undefined when there was no answer in time
   */
  async ask(request: JsonObject, write: (message: object) => Promise<boolean>, timeoutMs: number): Promise<ControlAnswer | undefined> {
    this.#count += 1;
    const id = `runyard-${this.#count}`;
    const answer = new Promise<ControlAnswer | undefined>((resolve) => this.#waiting.set(id, resolve));
    const timer = setTimeout(() => this.#settle(id, undefined), timeoutMs);
    try {
      if (!(await write({ type: 'control_request', request_id: id, request }))) this.#settle(id, undefined);
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes a `control_response` message; answers to requests that nobody waits for are ignored. */
  receive(message: JsonObject): void {
    const body = message['response'];
    if (typeof body !== 'object' || body === null) return;
    const { request_id: id, subtype, response, error } = body as JsonObject;
    if (typeof id !== 'string') return;
    this.#settle(id, subtype === 'success' ? { ok: true, response } : { ok: false, response: error });
  }

  /** The process is gone: nobody will answer any more. */
  giveUp(): void {
    for (const id of this.#waiting.keys()) this.#settle(id, undefined);
  }

  #settle(id: string, answer: ControlAnswer | undefined): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
