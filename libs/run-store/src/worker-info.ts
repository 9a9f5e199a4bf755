// What the registry knows of a worker, and what a worker is told.

export interface WorkerInfo {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly claudeVersion: string | null;
  readonly capacity: number;
  readonly busy: number;
  readonly state: 'ready' | 'busy' | 'draining';
  readonly runIds: readonly string[];
  /** ISO, by the worker's clock. */
  readonly startedAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Id of the credential that its runs use. Absent: whether others could do its runs is not known. */
  readonly credential?: string;
  /** It takes no runs for now, though it is not draining. Default false. */
  readonly resting?: boolean;
}

export interface WorkerRecord extends Omit<WorkerInfo, 'state'> {
  /** `lost` when it was not heard of for 15 s. */
  readonly state: WorkerInfo['state'] | 'lost';
  /** ISO, by the clock of Redis. */
  readonly lastSeenAt: string;
}

/** Tells a worker to look at a run at once: the record and the inbox hold what is meant. Or to take no more runs. */
export type WorkerSignal = { readonly runId: string; readonly type: 'cancel' | 'input' } | { readonly type: 'drain' };
