// Carries a run's events to the store in order: at once when idle, together while a flush is on its way.
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventType } from '@runyard/domain';
import type { Flush } from '@runyard/run-store';
import { bytesOf, EventBacklog } from './event-backlog.js';
import type { LeftOut } from './event-backlog.js';
import { untilAnswered } from './until-answered.js';

export interface EventWriterOptions {
  /** Appends one flush; throws when it is not known whether it arrived. */
  readonly append: (flush: Flush) => Promise<{ readonly kind: 'appended' | 'lost' }>;
  /** The store refused: the attempt is over and nothing more will be written. Called once. */
  readonly onLost: () => void;
  /** The store does not take what it was given, and never will: nothing more is sent. Called once. */
  readonly onDefect?: (error: unknown) => void;
  /** Asked before anything is taken, sent or called sent: false once the lease is over. Default: always true. */
  readonly isHeld?: () => boolean;
  /** A flush failed and is going to be repeated. */
  readonly onError?: (error: unknown) => void;
  /** Called by `close` when the log is not whole: what was said while the run had to end and Redis took nothing. */
  readonly onLeftOut?: (leftOut: LeftOut) => void;
  /** How long after `hasten` flushes may still be waited for. Default 5 s. */
  readonly patienceMs?: number;
  /** Bytes that may wait before `write` asks its caller to hold on; each event counts for 64 more than its data. */
  readonly bufferBytes?: number;
  /** The same after `hasten`. What waits then goes into the script that ends the attempt. */
  readonly lastBytes?: number;
}

const BUFFER_BYTES = 4 * 1024 * 1024;
/** More than the buffer, so that a CLI that was held back can say its last words. Redis is busy with so much for 0.1 to 0.4 s (measured). */
const LAST_BYTES = 8 * 1024 * 1024;
const PATIENCE_MS = 5000;
/** A store that answers takes this long at most for what waits at the end; it gets the time also when the patience is over. */
const LAST_MOMENT_MS = 1000;
/** One flush is one script: it must not keep Redis from others for long. */
const ONE_FLUSH = { events: 250, bytes: 1024 * 1024 };

/** Order is kept; an event is in the log once, because a repeated flush carries the same number and the same events. */
export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #backlog = new EventBacklog();
  #inFlightBytes = 0;
  #flushes = 0;
  #written = 0;
  #closing = false;
  #inFlight: Flush | undefined;
  #confirmed = 0;
  readonly #waiters: { readonly upTo: number; readonly resolve: () => void }[] = [];
  #sending: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  /** Set by `hasten`; resolves when nobody is waited for any more. */
  #patience: Promise<unknown> | undefined;
  #patienceIsOver = false;
  readonly #stopped = new AbortController();
  readonly #stop = Promise.withResolvers<void>();

  constructor(options: EventWriterOptions) {
    this.#options = options;
  }

  /**
   * Adds one event; `data` is JSON and is not changed. Returns a promise when the caller should wait for room. What the CLI says while
   * the run has to end is left out when there has been no room for too long.
   */
  write(type: EventType, data: Buffer | string): Promise<void> | undefined {
    if (this.#closing || !this.#isOpen()) return undefined;
    const event = { type, data };
    if (this.#patienceIsOver && this.#isFull() && !type.startsWith('run.')) return void this.#backlog.leaveOut(event);
    if (!this.#backlog.add(event)) return undefined;
    this.#written += 1;
    this.#sending ??= this.#send();
    if (!this.#isFull()) return undefined;
    if (this.#patience !== undefined) this.#backlog.thin();
    if (this.#patienceIsOver || !this.#isFull()) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /**
   * The run is going to end, whatever Redis does: from now on more may wait in memory, so that the CLI is heard again, and after a while
   * nobody waits for room. Called again it changes nothing.
   */
  hasten(): void {
    if (this.#patience !== undefined) return;
    this.#patience = sleep(this.#options.patienceMs ?? PATIENCE_MS, undefined, { ref: false }).then(() => {
      this.#patienceIsOver = true;
      this.#makeRoom();
      return undefined;
    });
    if (this.#isFull()) this.#backlog.thin();
    if (!this.#isFull()) this.#makeRoom();
  }

  /** Resolves when everything that was written so far is in the log: true; false when it never will be. */
  async flushed(): Promise<boolean> {
    if (this.#confirmed < this.#written && !this.#stopped.signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push({ upTo: this.#written, resolve });
      await Promise.race([promise, this.#stop.promise]);
    }
    return this.#isOpen() && this.#backlog.leftOut.events === 0;
  }

  /**
   * Sends what waits and hands out the last flush instead of sending it; what is written from now on is dropped. A store that takes
   * nothing for a while, because Redis is full or away, does not hold this up: then all that is left is handed out.
   */
  async close(): Promise<Flush | undefined> {
    this.hasten();
    this.#tellWhatIsLeftOut();
    this.#closing = true;
    const last = this.#backlog.take('last', ONE_FLUSH);
    const moment = sleep(Math.min(LAST_MOMENT_MS, this.#options.patienceMs ?? PATIENCE_MS), undefined, { ref: false });
    await Promise.race([this.#sending, this.#stop.promise, Promise.all([this.#patience, moment])]);
    const unconfirmed = this.#inFlight;
    const events = [...this.#backlog.takeAll(), ...last];
    const lost = this.#stopped.signal.aborted;
    this.stop();
    if (lost || (events.length === 0 && unconfirmed === undefined)) return undefined;
    this.#flushes += 1;
    return { number: this.#flushes, events, ...(unconfirmed === undefined ? {} : { unconfirmed }) };
  }

  /** Gives up: nothing more is sent or repeated, and everybody who waits goes on. */
  stop(): void {
    this.#backlog.takeAll();
    this.#stopped.abort();
    this.#stop.resolve();
    this.#room?.resolve();
  }

  #tellWhatIsLeftOut(): void {
    const { leftOut } = this.#backlog;
    if (leftOut.events === 0 || this.#closing || !this.#isOpen()) return;
    this.#options.onLeftOut?.(leftOut);
    const text = `[${leftOut.events} lines of the CLI, ${leftOut.bytes} bytes, are left out above: the run had to end while Redis took no events]\n`;
    this.#backlog.add({ type: 'log.stderr', data: JSON.stringify({ text }) });
    this.#written += 1;
  }

  async #send(): Promise<void> {
    while (this.#backlog.count > 0) {
      const events = this.#backlog.take('first', ONE_FLUSH);
      this.#inFlightBytes = events.reduce((sum, event) => sum + bytesOf(event), 0);
      this.#flushes += 1;
      this.#inFlight = { number: this.#flushes, events };
      if (!(await this.#deliver(this.#inFlight))) return;
      this.#inFlight = undefined;
      this.#confirm(events.length);
      this.#inFlightBytes = 0;
      if (this.#backlog.bytes <= this.#limitBytes() / 2) this.#makeRoom();
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

  #limitBytes(): number {
    const { bufferBytes = BUFFER_BYTES, lastBytes = LAST_BYTES } = this.#options;
    return this.#patience === undefined ? bufferBytes : lastBytes;
  }

  #isFull(): boolean {
    return this.#backlog.bytes + this.#inFlightBytes > this.#limitBytes();
  }

  /** False when the attempt is over. */
  async #deliver(flush: Flush): Promise<boolean> {
    if (!this.#isOpen()) return false;
    const onError = (error: unknown) => this.#options.onError?.(error);
    const ask = untilAnswered(() => this.#options.append(flush), onError, this.#stopped.signal);
    const answer = await ask.catch((error: unknown) => this.#giveUp(error));
    if (answer?.kind === 'appended') return true;
    // It was given up: an answer that comes now is about something that the end of the attempt has carried along.
    if (this.#stopped.signal.aborted) return false;
    this.stop();
    if (answer?.kind === 'lost') this.#options.onLost();
    return false;
  }

  #giveUp(error: unknown): undefined {
    if (this.#stopped.signal.aborted) return;
    this.stop();
    this.#options.onDefect?.(error);
  }
}
