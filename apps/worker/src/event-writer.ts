// Carries a run's events to the store in order: at once when idle, together while a flush is on its way.
import type { EventType } from '@runyard/domain';
import type { Flush, NewEvent } from '@runyard/run-store';
import { untilAnswered } from './until-answered.js';

export interface EventWriterOptions {
  /** Appends one flush; throws when it is not known whether it arrived. */
  readonly append: (flush: Flush) => Promise<{ readonly kind: 'appended' | 'lost' }>;
  /** The store refused: the attempt is over and nothing more will be written. Called once. */
  readonly onLost: () => void;
  /** A flush failed and is going to be repeated. */
  readonly onError?: (error: unknown) => void;
  /** Bytes that may wait before `write` asks its caller to hold on. */
  readonly bufferBytes?: number;
}

const BUFFER_BYTES = 4 * 1024 * 1024;
const FLUSH_BYTES = 1024 * 1024;
/** One flush is one script: it must not keep Redis from others for long. */
const FLUSH_EVENTS = 250;

/** Order is kept; an event is in the log once, because a repeated flush carries the same number and the same events. */
export class EventWriter {
  readonly #options: EventWriterOptions;
  #waiting: NewEvent[] = [];
  #waitingBytes = 0;
  #inFlightBytes = 0;
  #flushes = 0;
  #sending: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  readonly #stopped = new AbortController();
  readonly #stop = Promise.withResolvers<void>();

  constructor(options: EventWriterOptions) {
    this.#options = options;
  }

  /** Adds one event; `data` is JSON and is not changed. Returns a promise when the caller should wait for room. */
  write(type: EventType, data: Buffer | string): Promise<void> | undefined {
    if (this.#stopped.signal.aborted) return undefined;
    this.#waiting.push({ type, data });
    this.#waitingBytes += Buffer.byteLength(data);
    this.#sending ??= this.#send();
    if (this.#waitingBytes + this.#inFlightBytes <= (this.#options.bufferBytes ?? BUFFER_BYTES)) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** Waits for the flush on its way and hands out what is left as the next one; nothing may be written afterwards. */
  async close(): Promise<Flush | undefined> {
    const holdBack = this.#waiting;
    this.#waiting = [];
    await Promise.race([this.#sending, this.#stop.promise]);
    const events = [...holdBack, ...this.#waiting];
    const lost = this.#stopped.signal.aborted;
    this.stop();
    if (lost || events.length === 0) return undefined;
    this.#flushes += 1;
    return { number: this.#flushes, events };
  }

  /** Gives up: nothing more is sent or repeated, and everybody who waits goes on. */
  stop(): void {
    this.#waiting = [];
    this.#stopped.abort();
    this.#stop.resolve();
    this.#room?.resolve();
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const events = this.#takeSome();
      this.#flushes += 1;
      if (!(await this.#deliver({ number: this.#flushes, events }))) return;
      this.#inFlightBytes = 0;
      if (this.#waitingBytes <= (this.#options.bufferBytes ?? BUFFER_BYTES) / 2) this.#makeRoom();
    }
    this.#sending = undefined;
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #takeSome(): NewEvent[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < FLUSH_EVENTS && (count === 0 || bytes < FLUSH_BYTES)) {
      bytes += Buffer.byteLength(this.#waiting[count]?.data ?? '');
      count += 1;
    }
    this.#waitingBytes -= bytes;
    this.#inFlightBytes = bytes;
    return this.#waiting.splice(0, count);
  }

  /** False when the attempt is over. */
  async #deliver(flush: Flush): Promise<boolean> {
    const onError = (error: unknown) => this.#options.onError?.(error);
    const answer = await untilAnswered(() => this.#options.append(flush), onError, this.#stopped.signal);
    if (answer?.kind === 'appended') return true;
    this.stop();
    if (answer?.kind === 'lost') this.#options.onLost();
    return false;
  }
}
