// Notes whom a run starts while its CLI lives: who sheds mark, session and parent later is found again by that.
import { readdirSync, readFileSync } from 'node:fs';
import { entryNow } from './process-table.js';
import type { ProcessEntry } from './process-table.js';

export interface TreeWatchOptions {
  /** From one look to the next, in milliseconds. Default 50; longer by itself when a look takes long. */
  readonly everyMs?: number;
}

const EVERY_MS = 50;
/** A look may take so much of the time from one to the next. */
const SHARE = 1 / 20;
/** A run with more at a time keeps those that were there first. */
const MOST = 500;

/**
 * Looks at the descendants of one process, and at those of every descendant that was seen before and still lives. Only the living are
 * kept, each with its start time: the number of a dead one may be somebody else's by tomorrow. Notes nothing where there is no /proc.
 */
export class TreeWatch {
  readonly #everyMs: number;
  #seen = new Map<number, ProcessEntry>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ everyMs = EVERY_MS }: TreeWatchOptions = {}) {
    this.#everyMs = everyMs;
  }

  /** Starts with this process, which must be there by now, and looks again and again. Once. */
  watch(rootPid: number): void {
    const root = entryNow(rootPid);
    if (root === undefined) return;
    this.#seen.set(rootPid, root);
    this.#lookForEver();
  }

  /** Who was seen and lived at the last look: for `known` of `sweep`. */
  known(): ProcessEntry[] {
    return [...this.#seen.values()];
  }

  /** Looks for the last time. */
  close(): void {
    clearTimeout(this.#timer);
    this.#look();
  }

  #lookForEver(): void {
    const startedAtMs = performance.now();
    this.#look();
    this.#timer = setTimeout(() => this.#lookForEver(), Math.max(this.#everyMs, (performance.now() - startedAtMs) / SHARE)).unref();
  }

  #look(): void {
    const living = new Map<number, ProcessEntry>();
    for (const { pid, startedAt } of this.#seen.values()) {
      const entry = entryNow(pid);
      if (entry?.startedAt === startedAt) living.set(pid, entry);
    }
    // A map also visits what is added meanwhile.
    for (const pid of living.keys()) {
      for (const child of childrenOf(pid)) {
        const entry = living.size < MOST && !living.has(child) ? entryNow(child) : undefined;
        if (entry?.parent === pid) living.set(child, entry);
      }
    }
    this.#seen = living;
  }
}

/** A child belongs to the thread that has started it. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number));
  } catch {
    // It has just ended, or the kernel was built without these files.
    return [];
  }
}
