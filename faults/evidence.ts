// What a case leaves behind for the checker: what was accepted, what viewers saw, what tools did, what the model was asked.

/** The fields of a run that are looked at; the API's own names. */
export interface RunView {
  readonly id: string;
  readonly status: string;
  readonly waiting_for: string | null;
  readonly attempt: number;
  readonly session_id: string;
  readonly worker_id: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly result: string | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly cost_usd: number | null;
  readonly cost_estimated: boolean;
}

/** One event of a run as the API sends it. `text` is the whole JSON, for comparing bytes. */
export interface SeenEvent {
  /** `<attempt>-<seq>` */
  readonly id: string;
  readonly type: string;
  readonly text: string;
}

/** One connection of a viewer. */
export interface Connection {
  readonly openedAtMs: number;
  readonly events: readonly SeenEvent[];
}

export interface Viewer {
  readonly connections: readonly Connection[];
  /** `event: reset` frames: history was gone. */
  readonly resets: number;
  /** True when the server said that the stream is over. */
  readonly ended: boolean;
}

/** A line that a tool of a run wrote into the ledger. */
export interface LedgerLine {
  readonly tool: string;
  readonly runId: string;
  readonly attempt: number;
  readonly atMs: number;
}

/** A request for a message that reached the model of one worker. */
export interface ModelCall {
  readonly workerId: string;
  readonly sessionUuid: string;
  readonly atMs: number;
}

export interface Evidence {
  readonly run: RunView | undefined;
  /** The log as a page tells it after the end, deltas left out. */
  readonly log: readonly SeenEvent[];
  readonly viewers: readonly Viewer[];
  readonly ledger: readonly LedgerLine[];
  /** Calls of this run, in order of time; empty where calls cannot be told apart by worker. */
  readonly calls: readonly ModelCall[];
  /** What was left of the run 5 s after its end: processes, files, ports. */
  readonly leftovers: readonly string[];
  /** Ids of the workers of the stand that were killed. */
  readonly killedWorkers: readonly string[];
}

/** What the policy of the case allows. */
export interface Expectation {
  /** What the run may come to: `succeeded`, `canceled`, or `failed` with its code as `failed:worker_lost`. */
  readonly ends: readonly string[];
  /** For each tool: how many lines it may have written in all. Tools that are not named: at most one. */
  readonly lines?: Readonly<Record<string, { readonly from: number; readonly to: number }>>;
  readonly attempts?: { readonly from: number; readonly to: number };
  /** The run may be unknown: it was accepted in a window that was rolled back. */
  readonly mayBeLost?: boolean;
  /** The log may have lost the lines that tell the price, while the file of the attempt has kept it. */
  readonly priceKept?: boolean;
}
