// What the warden watches and until when: pure, so that every order of messages can be tested.
import type { AboutMark } from './warden-protocol.js';

/** The processes of one attempt. */
export interface Watched {
  readonly mark: string;
  readonly deadlineAtMs: number;
  readonly directories: readonly string[];
  readonly pid?: number;
}

/** Marks under watch. A mark that is past its deadline stays on the list until it is released: a late process may still appear. */
export class WatchList {
  readonly #watched = new Map<string, Watched>();

  /** Takes one message of the worker; unknown marks are ignored. */
  take(message: AboutMark): void {
    const known = this.#watched.get(message.mark);
    if (message.type === 'watch') {
      const { mark, deadlineAtMs, directories } = message;
      this.#watched.set(mark, { mark, deadlineAtMs, directories, ...(known?.pid === undefined ? {} : { pid: known.pid }) });
    } else if (known === undefined) {
      return;
    } else if (message.type === 'process') {
      this.#watched.set(message.mark, { ...known, pid: message.pid });
    } else if (message.type === 'renew') {
      this.#watched.set(message.mark, { ...known, deadlineAtMs: message.deadlineAtMs });
    } else {
      this.#watched.delete(message.mark);
    }
  }

  /** Everything under watch. */
  all(): Watched[] {
    return [...this.#watched.values()];
  }

  /** What must not live any more at `nowMs`. */
  expired(nowMs: number): Watched[] {
    return this.all().filter((watched) => watched.deadlineAtMs <= nowMs);
  }
}
