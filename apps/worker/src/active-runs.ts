// The runs that this worker is working on right now.
import type { Lease, RunRecord } from '@runyard/run-store';
import type { EventWriter } from './event-writer.js';
import type { StopOrders, StopReason } from './stop-orders.js';

/** A claimed run with what belongs to it while it lives. */
export interface ActiveRun {
  readonly run: RunRecord;
  readonly lease: Lease;
  /** How often workers had claimed the run before. */
  readonly previousAttempts: number;
  /** In the environment of each of its processes; no other process has it. */
  readonly mark: string;
  /** Its temporary directory on this machine, to be made by whoever needs it; the warden removes it with the processes. */
  readonly privateDir: string;
  /** monotonicMs() of the claim. */
  readonly claimedAtMs: number;
  readonly orders: StopOrders;
  readonly events: EventWriter;
  /** Until when its processes may live, on the monotonic clock. */
  deadlineAtMs(): number;
  /** Aborted when the lease is lost: the processes die at once, and nothing more is written. */
  readonly lost: AbortSignal;
  /** Its processes are gone: from now on losing the lease ends nothing. */
  settle(): void;
  /** Stops renewing the lease. */
  release(): void;
}

/** Runs by id. */
export class ActiveRuns {
  readonly #runs = new Map<string, ActiveRun>();
  readonly #onChange: () => void;
  #standing: { reason: StopReason; message: string } | undefined;

  constructor(onChange: () => void = () => undefined) {
    this.#onChange = onChange;
  }

  add(active: ActiveRun): void {
    this.#runs.set(active.run.id, active);
    if (this.#standing) active.orders.order(this.#standing.reason, this.#standing.message);
    this.#onChange();
  }

  remove(active: ActiveRun): void {
    if (this.#runs.get(active.run.id) === active) this.#runs.delete(active.run.id);
    this.#onChange();
  }

  get(runId: string): ActiveRun | undefined {
    return this.#runs.get(runId);
  }

  ids(): string[] {
    return [...this.#runs.keys()];
  }

  /** Ends every run, also those that are still going to be claimed. */
  stopAll(reason: StopReason, message: string): void {
    this.#standing = { reason, message };
    for (const active of this.#runs.values()) active.orders.order(reason, message);
  }
}
