// Reads a stream to its end at the speed of its consumer, and not much longer than its process lives.
import type { Readable } from 'node:stream';

const DEFAULT_GRACE_MS = 2_000;
/** More than any pipe holds: whoever still writes this much after the process has ended is not the process. */
const MAX_BYTES_AFTER_EXIT = 16 * 1024 * 1024;

export interface DrainOptions {
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<unknown>;
  /** How long to wait, in all, for the end of the stream once the process is gone: a grandchild may hold the pipe open. */
  readonly graceMs?: number;
}

/**
 * Hands each chunk to `onChunk` and waits for its promise before reading on, so that a slow consumer slows the process
 * down instead of filling memory. Time the consumer takes does not count as grace.
 * Resolves at the end of the stream, or when the grace is over. @throws what `onChunk` throws
 */
export async function drain(stream: Readable, onChunk: (chunk: Buffer) => void | Promise<void>, options: DrainOptions): Promise<void> {
  const limit = new DrainLimit(stream, options.graceMs ?? DEFAULT_GRACE_MS);
  void options.ended.then(() => limit.processEnded());
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  try {
    for (;;) {
      limit.wait();
      // A destroyed stream rejects; whatever the reason, nothing more comes.
      const next = await chunks.next().catch(() => ({ done: true, value: undefined }) as const);
      if (next.done === true) return;
      limit.received(next.value.length);
      await onChunk(next.value);
    }
  } finally {
    limit.stop();
    stream.destroy();
  }
}

class DrainLimit {
  readonly #stream: Readable;
  #leftMs: number;
  #leftBytes = MAX_BYTES_AFTER_EXIT;
  #ended = false;
  #waiting = false;
  #timer: { readonly handle: NodeJS.Timeout; readonly since: number } | undefined;

  constructor(stream: Readable, graceMs: number) {
    this.#stream = stream;
    this.#leftMs = graceMs;
  }

  processEnded(): void {
    this.#ended = true;
    if (this.#waiting) this.#arm();
  }

  wait(): void {
    this.#waiting = true;
    if (this.#ended) this.#arm();
  }

  received(bytes: number): void {
    this.#waiting = false;
    this.#disarm();
    if (!this.#ended) return;
    this.#leftBytes -= bytes;
    if (this.#leftBytes < 0) this.#stream.destroy();
  }

  stop(): void {
    this.#waiting = false;
    this.#disarm();
    this.#ended = false;
  }

  #arm(): void {
    this.#disarm();
    const handle = setTimeout(() => this.#stream.destroy(), Math.max(0, this.#leftMs));
    this.#timer = { handle, since: performance.now() };
  }

  #disarm(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer.handle);
    this.#leftMs -= performance.now() - this.#timer.since;
    this.#timer = undefined;
  }
}
