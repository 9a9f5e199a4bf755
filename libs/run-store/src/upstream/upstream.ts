// The services behind the CLIs: while one refuses, the runs of its credential wait, and one at a time asks again.
import type { Connection } from '../connection.js';
import type { Keys } from '../keys.js';
import { credentialId } from './credential-id.js';
import { list, report, stance, succeeded } from './upstream-scripts.js';
import type { Stance, UpstreamRecord, UpstreamReport, UpstreamWait } from './upstream-record.js';

export class Upstream {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
  ) {}

  /**
   * A run could not go on for a reason that passes: other runs of the credential wait from now on. Answers when the next one asks.
   * What lengthens the wait is only that a probe failed, or that the service asks for more. May be repeated.
   * A worker that cannot connect while others can is meant alone: with `workerId` the trouble is its own until a worker on another host has it too.
   */
  report(credential: string, trouble: UpstreamReport, runId: string, workerId?: string): Promise<UpstreamWait> {
    return this.connection.run((redis) => report(redis, this.keys, credentialId(credential), trouble, { runId, workerId }));
  }

  /**
   * The service answered a run, `answeredAgoMs` milliseconds ago (default 0): those that wait go on. True when that ended trouble.
   * An answer from before the trouble changes nothing. `workerId`: it has a way to the provider.
   */
  succeeded(credential: string, runId: string, answeredAgoMs = 0, workerId?: string): Promise<boolean> {
    return this.connection.run((redis) => succeeded(redis, this.keys, credentialId(credential), { runId, workerId }, answeredAgoMs));
  }

  /** Whether a worker shall take runs; to be asked again every few seconds. The answer `ask` is a turn: others of the credential get `rest` for 30 s. */
  stance(credential: string, workerId: string): Promise<Stance> {
    return this.connection.run((redis) => stance(redis, this.keys, credentialId(credential), workerId));
  }

  /** Every service that made trouble within the last day, or has runs waiting. */
  list(): Promise<UpstreamRecord[]> {
    return this.connection.run((redis) => list(redis, this.keys));
  }
}
