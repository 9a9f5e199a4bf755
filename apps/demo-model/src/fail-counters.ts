// Remembers how often a prompt was made to fail: the one thing a request does not tell by itself.

const MAX_KEYS = 10_000;

export class FailCounters {
  readonly #counts = new Map<string, number>();

  /** True for the first `limit` calls with this key, then false. The key unused for longest is forgotten beyond 10,000. */
  take(key: string, limit: number): boolean {
    const count = this.#counts.get(key) ?? 0;
    this.#counts.delete(key);
    this.#counts.set(key, Math.min(count + 1, limit));
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > MAX_KEYS && oldest !== undefined) this.#counts.delete(oldest);
    return count < limit;
  }

  clear(): void {
    this.#counts.clear();
  }
}
