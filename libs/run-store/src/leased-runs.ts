// What a worker may do with the run whose lease it has. Each call is one script and may be repeated when its answer was lost.
import type { Outcome } from '@runyard/domain';
import type * as answers from './answers.js';
import type { Connection } from './connection.js';
import type { Keys } from './keys.js';
import type { ParkAnswer, ParkInput, PassOnAnswer } from './leaving.js';
import { isRunId } from './page-token.js';
import type { RunLog } from './run-log.js';
import { claim } from './scripts/claim.js';
import { handOver } from './scripts/hand-over.js';
import { noteModel, noteProgress, noteSpawn } from './scripts/note.js';
import { park } from './scripts/park.js';
import { passOn } from './scripts/pass-on.js';
import { raiseAttempt } from './scripts/raise-attempt.js';
import { requeue } from './scripts/redispatch.js';
import { renew } from './scripts/renew.js';
import type { SpentSoFar } from './spent.js';

export class LeasedRuns {
  protected constructor(
    protected readonly connection: Connection,
    protected readonly keys: Keys,
    private readonly leaseMs: number,
    protected readonly log: RunLog,
  ) {}

  async claim(input: answers.ClaimInput): Promise<answers.ClaimAnswer> {
    if (!isRunId(input.runId)) return { kind: 'stale' };
    const answer = await claim(this.connection, this.keys, { ...input, leaseMs: this.leaseMs });
    if (answer.kind === 'claimed') this.log.writer.begin({ runId: input.runId, attempt: answer.run.attempt, workerId: input.workerId }, answer.run.seq);
    return answer;
  }

  /** An expired lease is lost for ever, even when nobody else has the run yet. */
  renew(lease: answers.Lease): Promise<answers.RenewAnswer> {
    return this.connection.run((redis) => renew(redis, this.keys, { ...lease, leaseMs: this.leaseMs }));
  }

  /**
   * Adds the events of one flush; a flush that comes again gets the first answer and adds nothing. `flush` counts 1, 2, … within
   * the attempt, and each is answered before the next is sent.
   */
  append(lease: answers.Lease, flush: number, events: readonly answers.NewEvent[]): Promise<answers.AppendAnswer> {
    return this.log.writer.append(lease, { number: flush, events });
  }

  noteModel(attempt: answers.Attempt, model: string): Promise<void> {
    return this.connection.run((redis) => noteModel(redis, this.keys, attempt, model));
  }

  /** Before the process is started: from now on a loss of this attempt counts. Only while the lease holds. */
  noteSpawn(lease: answers.Lease): Promise<'noted' | 'lost'> {
    return this.connection.run((redis) => noteSpawn(redis, this.keys, lease));
  }

  /** The run got on: what was lost before does not count any more. */
  noteProgress(attempt: answers.Attempt): Promise<void> {
    return this.connection.run((redis) => noteProgress(redis, this.keys, attempt));
  }

  /** The last flush, `run.finished` and the end of the run in one step. */
  finish(lease: answers.Lease, outcome: Outcome, flush?: answers.Flush): Promise<answers.FinishAnswer> {
    return this.log.writer.finish(lease, outcome, flush);
  }

  /**
   * Gives a live run back to the queue. Answers the dispatch that now needs a ticket: of this run, or of the next one of its
   * session when a cancel was asked for.
   */
  requeue(lease: answers.Lease, reason: string): Promise<answers.Dispatch | undefined> {
    this.log.writer.forget(lease);
    return this.connection.run((redis) => requeue(redis, this.keys, lease, reason));
  }

  /** The run waits without a process, a lease and a ticket, and keeps its session's turn. */
  park(lease: answers.Lease, input: ParkInput, flush?: answers.Flush): Promise<ParkAnswer> {
    return this.log.writer.end(lease, flush, (redis, last) => park(redis, this.keys, { lease, input, last }));
  }

  /** Gives the run to another worker at a clean point. Answers like requeue. */
  handOver(lease: answers.Lease, flush?: answers.Flush, spent?: SpentSoFar): Promise<answers.Dispatch | undefined> {
    return this.log.writer.end(lease, flush, (redis, last) => handOver(redis, this.keys, lease, last, spent));
  }

  /**
   * Gives a run back that attempts without a record have had, because Redis lost writes: the next claim gets a number above
   * `atLeast`. Counts as no loss. Answers like requeue.
   */
  raiseAttempt(lease: answers.Lease, atLeast: number): Promise<answers.Dispatch | undefined> {
    this.log.writer.forget(lease);
    return this.connection.run((redis) => raiseAttempt(redis, this.keys, lease, atLeast));
  }

  /** A worker that does not understand a queued run, or its ticket, gives it a new dispatch; at most 20 times in a row. */
  async passOn(runId: string, dispatch: number): Promise<PassOnAnswer> {
    return isRunId(runId) ? this.connection.run((redis) => passOn(redis, this.keys, runId, dispatch)) : { kind: 'stale' };
  }
}
