// Makes the runs of schedules: for a slot, by hand, and the cancels that a policy asks for.
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { RunRecord, ScheduledRunAnswer, ScheduledRunInput, ScheduleRecord, SkipSlot, SlotClaim } from '@runyard/run-store';
import type { DecidedSlot } from '@runyard/telemetry';
import { ApiContext } from '../api-context.js';
import { RedisRoom } from '../operations/redis-room.js';
import { RedisSettings } from '../operations/redis-settings.js';
import { fingerprint } from '../runs/idempotency.js';
import type { TakenIn } from '../runs/run-intake.js';
import { TicketSender } from '../runs/ticket-sender.js';
import { checkTemplate, oneLineOf } from './template-check.js';

@Injectable()
export class ScheduledRuns {
  constructor(
    private readonly store: RunStore,
    private readonly tickets: TicketSender,
    private readonly settings: RedisSettings,
    private readonly room: RedisRoom,
    private readonly context: ApiContext,
  ) {}

  /** Decides a slot by making its run, or by writing down why there is none. Undefined when the schedule must be read again. */
  async make(schedule: ScheduleRecord, claim: SlotClaim): Promise<DecidedSlot | undefined> {
    const { id, request, rule } = schedule;
    const refused = await this.#faultOf(schedule);
    if (refused !== undefined) return this.#refuse(schedule, claim, refused);
    await this.settings.demandSafe();
    await this.room.demandRoom();
    const answer = await this.#create({ scheduleId: id, request, slot: { ...claim, overlap: rule.overlap } });
    if (answer.kind === 'session_not_found') return this.#refuse(schedule, claim, 'The session does not exist any more.');
    if (answer.kind === 'created') return { status: 'created' };
    const isDecided = answer.kind === 'slot_refused' && (answer.reason === 'overlap' || answer.reason === 'queue_full');
    return isDecided ? { status: 'skipped', reason: answer.reason } : undefined;
  }

  /** Writes down why a slot makes no run. Undefined when the schedule must be read again. */
  async skip(slot: SkipSlot): Promise<DecidedSlot | undefined> {
    return (await this.store.schedules.skip(slot)) ? { status: 'skipped', reason: slot.reason } : undefined;
  }

  /** A run now, whatever the time and however many there are. @throws ProblemError */
  async byHand(schedule: ScheduleRecord, idempotencyKey: string | undefined): Promise<TakenIn> {
    const { id, request } = schedule;
    await checkTemplate(request, this.context);
    await this.settings.demandSafe();
    await this.room.demandRoom();
    const idempotency = idempotencyKey === undefined ? {} : { idempotency: { key: idempotencyKey, fingerprint: fingerprint({ schedule: id }) } };
    const answer = await this.#create({ scheduleId: id, request, ...idempotency });
    switch (answer.kind) {
      case 'created':
        return { run: answer.run, replayed: false };
      case 'replayed':
        return { run: answer.run, replayed: true };
      case 'session_not_found':
        throw new ProblemError('session_not_found', undefined, [{ field: 'run.session_id', message: 'is not known any more: change the schedule' }]);
      case 'idempotency_key_reused':
        throw new ProblemError('idempotency_key_reused', undefined, [{ field: 'Idempotency-Key', message: 'was used for another request: use a new key' }]);
      case 'slot_refused':
        if (answer.reason === 'gone') throw new ProblemError('not_found', 'There is no such schedule.');
        throw new ProblemError('conflict', 'The schedule has 100 runs that are not over: cancel some, or wait.');
    }
  }

  /** Policy cancel_previous: when a run waits for its turn, those before it are canceled. May be repeated. */
  async cancelPrevious(scheduleId: string): Promise<void> {
    const runs: RunRecord[] = [];
    for (const id of await this.store.schedules.liveRuns(scheduleId)) {
      const run = await this.store.get(id);
      if (run) runs.push(run);
    }
    const last = runs.findLastIndex((run) => run.queuedReason === 'schedule');
    // The latest first: one that waits must not get its turn only to be canceled.
    for (const { id, cancelRequestedAt } of runs.slice(0, Math.max(0, last)).toReversed()) {
      if (cancelRequestedAt !== null) continue;
      const answer = await this.store.cancel(id);
      if (answer.kind !== 'not_found' && answer.next) await this.tickets.send(answer.next);
    }
  }

  async #create(input: ScheduledRunInput): Promise<ScheduledRunAnswer> {
    const answer = await this.store.schedules.createRun(input);
    if (answer.kind === 'created' && answer.dispatch !== null) {
      await this.tickets.send({ runId: answer.run.id, dispatch: answer.dispatch, priority: answer.run.priority });
    }
    return answer;
  }

  /** Nobody asked for this run, so nobody is told but the log and the ledger. */
  async #refuse({ id }: ScheduleRecord, claim: SlotClaim, detail: string): Promise<DecidedSlot | undefined> {
    const decided = await this.skip({ ...claim, reason: 'refused', detail });
    if (decided) this.context.logger.warn({ schedule_id: id, due_at: new Date(claim.dueMs).toISOString(), reason: detail }, 'a schedule made no run: change it, or pause it');
    return decided;
  }

  /** What is wrong with the request by now: a directory may have gone since the schedule was made. */
  async #faultOf({ request }: ScheduleRecord): Promise<string | undefined> {
    try {
      await checkTemplate(request, this.context);
      return undefined;
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return oneLineOf(error);
    }
  }
}
