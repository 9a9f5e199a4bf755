// What a worker writes into the log of its run: large data goes to files first, and what becomes too much leaves Redis.
import type { Outcome } from '@runyard/domain';
import type { AppendAnswer, Attempt, FinishAnswer, Flush } from './answers.js';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import type { LargeData } from './large-data.js';
import type { LogSpill } from './log-spill.js';
import { append } from './scripts/append.js';
import { finish } from './scripts/finish.js';

export class LogWriter {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
    private readonly large: LargeData,
    private readonly spill: LogSpill,
  ) {}

  /** See RunStore.append. Resolves when the stream is below its limit again, so that a fast CLI waits. */
  async append(attempt: Attempt, flush: Flush): Promise<AppendAnswer> {
    const small = await this.withoutLargeData(attempt, flush);
    const { answer, logBytes } = await this.connection.run((redis) => append(redis, this.keys, attempt, small));
    if (answer.kind === 'appended') await this.spill.keepBelow(attempt, logBytes);
    return answer;
  }

  /** See RunStore.finish. */
  async finish(attempt: Attempt, outcome: Outcome, flush: Flush | undefined): Promise<FinishAnswer> {
    const small = flush && (await this.withoutLargeData(attempt, flush));
    return this.connection.run((redis) => finish(redis, this.keys, attempt, outcome, small));
  }

  /** The flush as it goes into a script. The same flush again gives the same. */
  async withoutLargeData({ runId, attempt }: Attempt, { number, events, unconfirmed }: Flush): Promise<Flush> {
    const before = unconfirmed && (await this.withoutLargeData({ runId, attempt }, unconfirmed));
    return { number, events: await this.large.putAside({ runId, attempt, flush: number }, events), unconfirmed: before };
  }
}
