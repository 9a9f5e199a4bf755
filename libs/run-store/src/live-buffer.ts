// What was published for one follower and not yet taken by it: bounded, because the log has everything anyway.

const MAX_MESSAGES = 256;
const MAX_BYTES = 1024 * 1024;

export class LiveBuffer<Message extends { readonly bytes: number }> {
  #messages: Message[] = [];
  #bytes = 0;
  #stale = true;
  #wake: (() => void) | undefined;
  #closed = false;

  /** Keeps a message; undefined = one that cannot be read. */
  add(message: Message | undefined): void {
    if (this.#stale) return; // the log is read later than this and will have it
    if (message === undefined || this.#messages.length >= MAX_MESSAGES || this.#bytes + message.bytes > MAX_BYTES) {
      this.markStale();
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.bytes;
    this.wake();
  }

  /** Only the log tells from here on. */
  markStale(): void {
    this.#stale = true;
    this.#clear();
    this.wake();
  }

  /** True when the log must be read now; what is published from this call on is kept. */
  beginReading(): boolean {
    const mustRead = this.#stale;
    this.#stale = false;
    return mustRead;
  }

  /** The oldest message, if there is one. */
  take(): Message | undefined {
    const message = this.#messages.shift();
    this.#bytes -= message?.bytes ?? 0;
    return message;
  }

  /** Resolves when there is something to take or to read, or on wake(). */
  async changed(): Promise<void> {
    if (this.#stale || this.#messages.length > 0) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Nothing will come any more. */
  close(): void {
    this.#closed = true;
    this.wake();
  }

  get closed(): boolean {
    return this.#closed;
  }

  #clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}
