// The services behind the CLIs: while one refuses, the runs of its credential wait, and one at a time asks again.
import type { Connection } from '../connection.js';
import type { Keys } from '../keys.js';
import { credentialId } from './credential-id.js';
import { list, report, succeeded } from './upstream-scripts.js';
import type { UpstreamRecord, UpstreamReport, UpstreamWait } from './upstream-record.js';

export class Upstream {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
  ) {}

  /**
   * A run could not go on for a reason that passes: other runs of the credential wait from now on. Answers when the next one asks.
   * What lengthens the wait is only that a probe failed, or that the service asks for more. May be repeated.
   */
  report(credential: string, trouble: UpstreamReport, runId: string): Promise<UpstreamWait> {
    return this.connection.run((redis) => report(redis, this.keys, credentialId(credential), trouble, runId));
  }

  /**
   * The service answered a run, `answeredAgoMs` milliseconds ago (default 0): those that wait go on. True when that ended trouble.
   * An answer from before the trouble changes nothing.
   */
  succeeded(credential: string, runId: string, answeredAgoMs = 0): Promise<boolean> {
    return this.connection.run((redis) => succeeded(redis, this.keys, credentialId(credential), runId, answeredAgoMs));
  }

  /** Every service that made trouble within the last day, or has runs waiting. */
  list(): Promise<UpstreamRecord[]> {
    return this.connection.run((redis) => list(redis, this.keys));
  }
}
