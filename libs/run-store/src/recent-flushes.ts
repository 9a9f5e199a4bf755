// What a worker has lately seen confirmed in the logs of its runs: a Redis that was taken back to an earlier state gets it again.
import type { Outcome } from '@runyard/domain';
import type { Flush, Lease } from './answers.js';
import type { ConfirmedFlush } from './scripts/restore.js';

/** Far more than a fail-over or a disk that lied about its last writes takes away. */
const KEPT_MS = 60_000;
/** Of one run. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** How a run ended here. */
export interface LastWrite {
  readonly outcome: Outcome;
  readonly flush: Flush | undefined;
  /** Milliseconds since 1970 by the clock of Redis. */
  readonly atMs?: number | undefined;
}

interface Memory {
  readonly lease: Lease;
  lastSeq: number;
  bytes: number;
  flushes: { readonly flush: ConfirmedFlush; readonly bytes: number; readonly sinceMs: number }[];
  lastWrite?: LastWrite;
}

export class RecentFlushes {
  readonly #memories = new Map<string, Memory>();

  /** From here on the flushes of this lease are remembered. @param lastSeq of the last event that was in the log then */
  begin(lease: Lease, lastSeq: number): void {
    this.#memories.set(lease.runId, { lease, lastSeq, bytes: 0, flushes: [] });
  }

  /** The seq of the last event that is known to have been in the log; 0 when nothing is known. */
  lastSeq(lease: Lease): number {
    return this.#of(lease)?.lastSeq ?? 0;
  }

  /** Later flushes come later. The last one stays, however old and large it is. */
  add(lease: Lease, flush: ConfirmedFlush): void {
    const memory = this.#of(lease);
    // A flush may be confirmed after the end of its attempt has carried it along, or twice.
    if (memory === undefined || memory.lastWrite !== undefined || flush.lastSeq <= memory.lastSeq) return;
    const bytes = flush.events.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
    const nowMs = performance.now();
    memory.flushes.push({ flush, bytes, sinceMs: nowMs });
    memory.bytes += bytes;
    memory.lastSeq = flush.lastSeq;
    const isTooMuch = (): boolean => memory.bytes > KEPT_BYTES || nowMs - (memory.flushes[0]?.sinceMs ?? nowMs) > KEPT_MS;
    while (memory.flushes.length > 1 && isTooMuch()) memory.bytes -= memory.flushes.shift()?.bytes ?? 0;
  }

  /** Those that end after `seq`, in order. */
  after(lease: Lease, seq: number): ConfirmedFlush[] {
    return (this.#of(lease)?.flushes ?? []).map(({ flush }) => flush).filter(({ lastSeq }) => lastSeq > seq);
  }

  /** The run has ended: it is remembered for a while more. */
  end(lease: Lease, lastWrite: LastWrite): void {
    const memory = this.#of(lease);
    if (memory === undefined) return;
    memory.lastWrite = lastWrite;
    setTimeout(() => this.forget(lease), KEPT_MS).unref();
  }

  /** The attempt is over; how it ended here stays remembered: a repeated flush may be answered after that. */
  lose(lease: Lease): void {
    if (this.#of(lease)?.lastWrite === undefined) this.forget(lease);
  }

  forget(lease: Lease): void {
    if (this.#of(lease) !== undefined) this.#memories.delete(lease.runId);
  }

  /** Everything that is remembered now, with how it ended. */
  all(): { readonly lease: Lease; readonly lastWrite: LastWrite | undefined }[] {
    return [...this.#memories.values()].map(({ lease, lastWrite }) => ({ lease, lastWrite }));
  }

  #of({ runId, attempt, workerId }: Lease): Memory | undefined {
    const memory = this.#memories.get(runId);
    return memory?.lease.attempt === attempt && memory.lease.workerId === workerId ? memory : undefined;
  }
}
