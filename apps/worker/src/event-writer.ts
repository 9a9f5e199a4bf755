// Carries a run's events to the store in order: at once when idle, together while a flush is on its way.
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventType } from '@runyard/domain';
import type { Flush, NewEvent } from '@runyard/run-store';
import { untilAnswered } from './until-answered.js';

export interface EventWriterOptions {
  /** Appends one flush; throws when it is not known whether it arrived. */
  readonly append: (flush: Flush) => Promise<{ readonly kind: 'appended' | 'lost' }>;
  /** The store refused: the attempt is over and nothing more will be written. Called once. */
  readonly onLost: () => void;
  /** Asked before anything is taken, sent or called sent: false once the lease is over. Default: always true. */
  readonly isHeld?: () => boolean;
  /** A flush failed and is going to be repeated. */
  readonly onError?: (error: unknown) => void;
  /** How long `close` waits for flushes to be taken. Default 5 s. */
  readonly closePatienceMs?: number;
  /** Bytes that may wait before `write` asks its caller to hold on. */
  readonly bufferBytes?: number;
}

const BUFFER_BYTES = 4 * 1024 * 1024;
const CLOSE_PATIENCE_MS = 5000;
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
  #written = 0;
  #closing = false;
  #inFlight: Flush | undefined;
  #confirmed = 0;
  readonly #waiters: { readonly upTo: number; readonly resolve: () => void }[] = [];
  #sending: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  readonly #stopped = new AbortController();
  readonly #stop = Promise.withResolvers<void>();

  constructor(options: EventWriterOptions) {
    this.#options = options;
  }

  /** Adds one event; `data` is JSON and is not changed. Returns a promise when the caller should wait for room. */
  write(type: EventType, data: Buffer | string): Promise<void> | undefined {
    if (this.#closing || !this.#isOpen()) return undefined;
    this.#waiting.push({ type, data });
    this.#written += 1;
    this.#waitingBytes += Buffer.byteLength(data);
    this.#sending ??= this.#send();
    if (this.#waitingBytes + this.#inFlightBytes <= (this.#options.bufferBytes ?? BUFFER_BYTES)) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** Resolves when everything that was written so far is in the log: true; false when it never will be. */
  async flushed(): Promise<boolean> {
    if (this.#confirmed < this.#written && !this.#stopped.signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push({ upTo: this.#written, resolve });
      await Promise.race([promise, this.#stop.promise]);
    }
    return this.#isOpen();
  }

  /**
   * Sends what waits and hands out the last flush instead of sending it; what is written from now on is dropped. A store that takes
   * nothing for a while, because Redis is full or away, does not hold this up: then all that is left is handed out.
   */
  async close(): Promise<Flush | undefined> {
    this.#closing = true;
    const last = this.#takeSome('last');
    const patience = sleep(this.#options.closePatienceMs ?? CLOSE_PATIENCE_MS, undefined, { ref: false });
    await Promise.race([this.#sending, this.#stop.promise, patience]);
    const unconfirmed = this.#inFlight;
    const events = [...this.#waiting, ...last];
    const lost = this.#stopped.signal.aborted;
    this.stop();
    if (lost || (events.length === 0 && unconfirmed === undefined)) return undefined;
    this.#flushes += 1;
    return { number: this.#flushes, events, ...(unconfirmed === undefined ? {} : { unconfirmed }) };
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
      const events = this.#takeSome('first');
      this.#inFlightBytes = bytesOf(events);
      this.#flushes += 1;
      this.#inFlight = { number: this.#flushes, events };
      if (!(await this.#deliver(this.#inFlight))) return;
      this.#inFlight = undefined;
      this.#confirm(events.length);
      this.#inFlightBytes = 0;
      if (this.#waitingBytes <= (this.#options.bufferBytes ?? BUFFER_BYTES) / 2) this.#makeRoom();
    }
    this.#sending = undefined;
  }

  #confirm(count: number): void {
    this.#confirmed += count;
    while ((this.#waiters[0]?.upTo ?? Infinity) <= this.#confirmed) this.#waiters.shift()?.resolve();
  }

  #isOpen(): boolean {
    return !this.#stopped.signal.aborted && (this.#options.isHeld?.() ?? true);
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #takeSome(end: 'first' | 'last'): NewEvent[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && count < FLUSH_EVENTS && (count === 0 || bytes < FLUSH_BYTES)) {
      bytes += Buffer.byteLength(this.#waiting.at(end === 'first' ? count : -1 - count)?.data ?? '');
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(end === 'first' ? 0 : this.#waiting.length - count, count);
  }

  /** False when the attempt is over. */
  async #deliver(flush: Flush): Promise<boolean> {
    if (!this.#isOpen()) return false;
    const onError = (error: unknown) => this.#options.onError?.(error);
    const answer = await untilAnswered(() => this.#options.append(flush), onError, this.#stopped.signal);
    if (answer?.kind === 'appended') return true;
    // It was given up: an answer that comes now is about something that the end of the attempt has carried along.
    if (this.#stopped.signal.aborted) return false;
    this.stop();
    if (answer?.kind === 'lost') this.#options.onLost();
    return false;
  }
}

function bytesOf(events: readonly NewEvent[]): number {
  return events.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
}
