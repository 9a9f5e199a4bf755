// What a worker writes into the log of its run: large data goes to files first, what becomes too much leaves Redis, and what Redis
// has lost again comes back before anything is added.
import type { EventType, Outcome } from '@runyard/domain';
import { parseEventId } from '@runyard/domain';
import type { Redis } from 'ioredis';
import type { AppendAnswer, Attempt, FinishAnswer, Flush, Lease } from './answers.js';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import type { LargeData } from './large-data.js';
import type { LogSpill } from './log-spill.js';
import { RecentFlushes } from './recent-flushes.js';
import type { LastWrite } from './recent-flushes.js';
import { append, behindAt } from './scripts/append.js';
import type { LastFlush } from './scripts/append.js';
import { finish } from './scripts/finish.js';
import type { Finished } from './scripts/finish.js';
import { readLog } from './scripts/read.js';
import { restore } from './scripts/restore.js';
import type { ConfirmedFlush } from './scripts/restore.js';
import { lookAtLog } from './scripts/spill-log.js';

export interface LogWriterOptions {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly large: LargeData;
  readonly spill: LogSpill;
  /** So many events of a run were put back after Redis had lost them. */
  readonly onRestored: (runId: string, events: number) => void;
  readonly onError: (error: Error) => void;
}

export class LogWriter {
  readonly #recent = new RecentFlushes();

  constructor(private readonly options: LogWriterOptions) {
    options.connection.onReady(() => void this.#lookAgain());
  }

  /** A run was claimed; `lastSeq` is that of its last event. */
  begin(lease: Lease, lastSeq: number): void {
    this.#recent.begin(lease, lastSeq);
  }

  /** See RunStore.append. Resolves when the stream is below its limit again, so that a fast CLI waits. */
  async append(lease: Lease, flush: Flush): Promise<AppendAnswer> {
    const { keys, spill } = this.options;
    const small = await this.#withoutLargeData(lease, flush);
    const { answer, atMs, logBytes } = await this.#onWholeLog(lease, (redis, after) => append(redis, keys, lease, after, small));
    if (answer.kind === 'lost') this.#recent.lose(lease);
    else {
      await this.#remember(lease, { number: small.number, events: small.events, firstSeq: answer.firstSeq, lastSeq: answer.lastSeq, atMs });
      await spill.keepBelow(lease, logBytes);
    }
    return answer;
  }

  /** See RunStore.finish. */
  async finish(lease: Lease, outcome: Outcome, flush: Flush | undefined): Promise<FinishAnswer> {
    const small = flush && (await this.#withoutLargeData(lease, flush));
    const { answer, atMs } = await this.#finish(lease, { outcome, flush: small });
    if (answer.kind === 'finished') this.#recent.end(lease, { outcome, flush: small, atMs });
    else this.#recent.forget(lease);
    return answer;
  }

  /** The last flush of an attempt that goes on elsewhere, in the script that says so. */
  async end<T>(lease: Lease, flush: Flush | undefined, script: (redis: Redis, last: LastFlush) => Promise<T>): Promise<T> {
    const small = flush && (await this.#withoutLargeData(lease, flush));
    const answer = await this.#onWholeLog(lease, (redis, after) => script(redis, { after, flush: small }));
    this.#recent.forget(lease);
    return answer;
  }

  /** The attempt is over without a last flush. */
  forget(lease: Lease): void {
    this.#recent.forget(lease);
  }

  #finish(lease: Lease, { outcome, flush, atMs }: LastWrite): Promise<Finished> {
    return this.#onWholeLog(lease, (redis, after) => finish(redis, this.options.keys, lease, outcome, { after, flush, atMs }));
  }

  /** Runs a script that refuses a log which ends before `after`; then what is missing is put back. */
  async #onWholeLog<T>(lease: Lease, script: (redis: Redis, after: number) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.options.connection.run((redis) => script(redis, this.#recent.lastSeq(lease)));
      } catch (error) {
        const seq = behindAt(error);
        if (seq === undefined) throw error;
        await this.#putBack(lease, seq);
      }
    }
  }

  /** @param seq of the last event that Redis has */
  async #putBack(lease: Lease, seq: number): Promise<void> {
    const { connection, keys, onRestored } = this.options;
    let restored = 0;
    const flushes = this.#recent.after(lease, seq);
    // Nothing can be put back: the log goes on where it is, or the same refusal would come again for ever.
    if (flushes.length === 0) this.#recent.forget(lease);
    for (const flush of flushes) {
      const added = await connection.run((redis) => restore(redis, keys, lease, flush));
      if (added === undefined) this.#recent.forget(lease);
      restored += added ?? 0;
    }
    if (restored > 0) onRestored(lease.runId, restored);
  }

  /** After each return of Redis: a run that says nothing for long must not wait with it, and one that has ended would be run again. */
  async #lookAgain(): Promise<void> {
    const { connection, keys, onError } = this.options;
    try {
      for (const { lease, lastWrite } of this.#recent.all()) {
        const log = await connection.run((redis) => lookAtLog(redis, keys, lease));
        if (log === undefined) continue;
        if (lastWrite !== undefined) await this.#finish(lease, lastWrite);
        else if (log.lastSeq < this.#recent.lastSeq(lease)) await this.#putBack(lease, log.lastSeq);
      }
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #remember(lease: Lease, flush: ConfirmedFlush): Promise<void> {
    const known = this.#recent.lastSeq(lease);
    if (known > 0 && flush.firstSeq > known + 1) await this.#rememberOthers(lease, known, flush.firstSeq);
    this.#recent.add(lease, flush);
  }

  /** Somebody else, such as who canceled the run, has written between two flushes. */
  async #rememberOthers(lease: Lease, after: number, before: number): Promise<void> {
    const { connection, keys } = this.options;
    const query = { after: `${lease.attempt}-${after}`, limit: before - after - 1, deltas: true };
    const part = await connection.run((redis) => readLog(redis, keys, lease.runId, query));
    for (const { id, ts, type, data } of part.kind === 'page' ? part.events : []) {
      const seq = parseEventId(id)?.seq ?? 0;
      this.#recent.add(lease, { number: 0, firstSeq: seq, lastSeq: seq, atMs: Date.parse(ts), events: [{ type: type as EventType, data }] });
    }
  }

  /** The flush as it goes into a script. The same flush again gives the same. */
  async #withoutLargeData({ runId, attempt }: Attempt, { number, events, unconfirmed }: Flush): Promise<Flush> {
    const before = unconfirmed && (await this.#withoutLargeData({ runId, attempt }, unconfirmed));
    return { number, events: await this.options.large.putAside({ runId, attempt, flush: number }, events), unconfirmed: before };
  }
}
