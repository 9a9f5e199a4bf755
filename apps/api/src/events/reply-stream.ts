// A reply that is written bit by bit: waits for slow clients, notices when they leave, sends many small writes as one.
import { once } from 'node:events';
import type { FastifyReply } from 'fastify';

export interface ReplyStreamOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** A client that takes nothing for so long is cut off, in milliseconds. */
  readonly stallMs: number;
}

/** So much is gathered at most before it is written; less is written at the next turn of the event loop. */
const BATCH_BYTES = 64 * 1024;

/**
 * Takes the reply out of Fastify's hands. Never more than a batch, one chunk and the socket's own buffer wait in memory:
 * the caller awaits each write before it fetches more. (Node's own `cork` is no help: Node 24 writes the end of a corked
 * answer before its body.)
 */
export class ReplyStream {
  readonly #raw: FastifyReply['raw'];
  readonly #stallMs: number;
  readonly #gone = new AbortController();
  #batch: Buffer[] = [];
  #batchBytes = 0;
  #isScheduled = false;
  /** Set while the client is behind; resolves when it has caught up or is gone. */
  #room: Promise<void> | undefined;

  private constructor(reply: FastifyReply, options: ReplyStreamOptions) {
    this.#raw = reply.raw;
    this.#stallMs = options.stallMs;
    this.#raw.on('close', () => this.#gone.abort());
    this.#raw.on('error', () => this.#gone.abort());
    const headers = { ...reply.getHeaders(), ...options.headers } as Record<string, string>;
    reply.hijack();
    this.#raw.writeHead(reply.statusCode, headers);
    this.#raw.flushHeaders();
  }

  /** Sends the head with the status that the reply has. */
  static open(reply: FastifyReply, options: ReplyStreamOptions): ReplyStream {
    return new ReplyStream(reply, options);
  }

  /** Aborted when the client has left or was cut off. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Resolves when more may be written; at once when the client has left. */
  async write(chunk: Buffer | string): Promise<void> {
    if (this.#gone.signal.aborted) return;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
    if (this.#batchBytes >= BATCH_BYTES) this.#flush();
    else this.#schedule();
    if (this.#room) await this.#room;
  }

  /** Writes unless something is on its way already: for heartbeats, which a busy stream does not need. */
  writeIfIdle(chunk: string): void {
    if (this.#batch.length === 0 && !this.#room && !this.#gone.signal.aborted) void this.write(chunk);
  }

  /** Ends the answer, with a last chunk. */
  end(chunk = ''): void {
    if (!this.#gone.signal.aborted) this.#raw.end(Buffer.concat([...this.#batch.splice(0), Buffer.from(chunk)]));
  }

  /** Breaks the connection, so that the client knows the answer is not whole. */
  breakOff(): void {
    this.#raw.destroy();
  }

  /** One system call per turn of the event loop instead of one per event. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#room || this.#batch.length === 0 || this.#gone.signal.aborted) return;
    const bytes = Buffer.concat(this.#batch);
    this.#batch = [];
    this.#batchBytes = 0;
    if (!this.#raw.write(bytes)) this.#room = this.#drained();
  }

  async #drained(): Promise<void> {
    const stalled = AbortSignal.timeout(this.#stallMs);
    try {
      await once(this.#raw, 'drain', { signal: AbortSignal.any([this.#gone.signal, stalled]) });
    } catch {
      if (stalled.aborted) this.#raw.destroy();
    }
    this.#room = undefined;
    this.#flush();
  }
}
