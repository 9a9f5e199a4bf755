// What arrived: a bounded list that tests and curious people can read.

/** One request. `status` is null while it has no response headers, also when it never got any. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly session_id: string | null;
  scenario: string | null;
  round: number | null;
  status: number | null;
}

export const MAX_LOGGED = 10_000;

/** An entry about a request that just arrived; what is learned later is written into it. */
export function newEntry(method: string, path: string, sessionId: string | null): LoggedRequest {
  const at = new Date().toISOString();
  return { method, path, at, session_id: sessionId, scenario: null, round: null, status: null };
}

export class RequestLog {
  #entries: LoggedRequest[] = [];

  /** The oldest entry is dropped beyond MAX_LOGGED. */
  add(entry: LoggedRequest): void {
    this.#entries.push(entry);
    // Cut in blocks: dropping one at a time would move the whole list for each request.
    if (this.#entries.length >= MAX_LOGGED * 1.1) this.#entries = this.list();
  }

  /** The last MAX_LOGGED entries, oldest first. */
  list(): LoggedRequest[] {
    return this.#entries.slice(-MAX_LOGGED);
  }

  clear(): void {
    this.#entries = [];
  }
}
