// The runs that this worker is working on right now.
import type { Lease, RunRecord } from '@runyard/run-store';
import type { EventWriter } from './event-writer.js';
import type { StopOrders, StopReason } from './stop-orders.js';

/** A claimed run with what belongs to it while it lives. */
export interface ActiveRun {
  readonly run: RunRecord;
  readonly lease: Lease;
  /** In the environment of each of its processes; no other process has it. */
  readonly mark: string;
  /** Its temporary directory on this machine, to be made by whoever needs it; the warden removes it with the processes. */
  readonly privateDir: string;
  /** monotonicMs() of the claim. */
  readonly claimedAtMs: number;
  /** Id of the credential that its process uses; see upstream.ts. */
  readonly credential: string;
  readonly orders: StopOrders;
  /** Aborted when this worker wants to stop and another one shall go on with the run. */
  readonly leaving: AbortSignal;
  /** Aborted when that has to be now, whatever tool is at work; never before `leaving`. */
  readonly hurried: AbortSignal;
  readonly events: EventWriter;
  /** Until when its processes may live, on the monotonic clock. */
  deadlineAtMs(): number;
  /** Whether the lease is held at this moment: after a pause of this process the signal below may not have been given yet. */
  isHeld(): boolean;
  /** Aborted when the lease is lost: the processes die at once, and nothing more is written. */
  readonly lost: AbortSignal;
  /** Hands the run to another worker: for `patienceMs` a tool that is at work may still end. A later call can shorten that. */
  leave(patienceMs: number): void;
  /** Workers have had the run for so long before: its wall clock goes on from there. */
  ranBefore(ms: number): void;
  /** Its processes are gone: from now on losing the lease ends nothing. */
  settle(): void;
  /** Stops renewing the lease. */
  release(): void;
}

const CANCELED = 'The run was canceled.';
/** What is not claimed after so many more is not going to be: it was over, or its claim was another worker's. */
const EARLY_AT_MOST = 100;

/** Runs by id. */
export class ActiveRuns {
  readonly #runs = new Map<string, ActiveRun>();
  readonly #onChange: () => void;
  /** Canceled before they were here. */
  readonly #early = new Set<string>();
  #standing: ((active: ActiveRun) => void) | undefined;

  constructor(onChange: () => void = () => undefined) {
    this.#onChange = onChange;
  }

  add(active: ActiveRun): void {
    this.#runs.set(active.run.id, active);
    if (this.#early.delete(active.run.id)) active.orders.order('canceled', CANCELED);
    this.#standing?.(active);
    this.#onChange();
  }

  /** Somebody canceled the run. The word may be here before the answer to its claim is. */
  cancel(runId: string): void {
    const active = this.#runs.get(runId);
    if (active !== undefined) return active.orders.order('canceled', CANCELED);
    this.#early.add(runId);
    const [oldest] = this.#early;
    if (this.#early.size > EARLY_AT_MOST && oldest !== undefined) this.#early.delete(oldest);
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

  /** Whether any lease is still confirmed at a time of the monotonic clock. */
  anyHeld(nowMs: number): boolean {
    return [...this.#runs.values()].some((active) => active.deadlineAtMs() > nowMs);
  }

  /** Hands every run over, also those that are still going to be claimed. */
  leaveAll(patienceMs: number): void {
    this.#forAll((active) => active.leave(patienceMs));
  }

  /** Ends every run, also those that are still going to be claimed. */
  stopAll(reason: StopReason, message: string): void {
    this.#forAll((active) => active.orders.order(reason, message));
  }

  #forAll(act: (active: ActiveRun) => void): void {
    this.#standing = act;
    for (const active of this.#runs.values()) act(active);
  }
}
