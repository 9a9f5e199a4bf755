// Decides the slots of a schedule that are due. Any number of processes may do so at the same time: the store lets one of them.
import { Injectable } from '@nestjs/common';
import { SLOT_REASONS } from '@runyard/domain';
import { RunStore } from '@runyard/run-store';
import type { ScheduleRecord, SlotClaim } from '@runyard/run-store';
import { ScheduleMetrics } from '@runyard/telemetry';
import type { DecidedSlot } from '@runyard/telemetry';
import { ApiContext } from '../api-context.js';
import { planOf } from './schedule-plan.js';
import type { SchedulePlan } from './schedule-plan.js';
import { ScheduledRuns } from './scheduled-runs.js';

/** Others may be faster any number of times; then they do the work. */
const MAX_READINGS = 20;

export interface Settled {
  /** How many slots were decided here. */
  readonly decided: number;
  /** When the next one is to be made, in milliseconds of the clock of Redis, and what that clock showed. */
  readonly nextFireMs: number;
  readonly nowMs: number;
  /** How much later than due a run of the schedule may be made, in milliseconds. */
  readonly jitterMs: number;
}

@Injectable()
export class SlotDecider {
  readonly #metrics: ScheduleMetrics;

  constructor(
    private readonly store: RunStore,
    private readonly runs: ScheduledRuns,
    context: ApiContext,
  ) {
    this.#metrics = new ScheduleMetrics(context.metrics, SLOT_REASONS);
  }

  /** Decides everything that is due. Undefined when there is no such schedule. @throws RedisUnavailableError, ProblemError */
  async settle(id: string): Promise<Settled | undefined> {
    let decided = 0;
    for (let readings = 1; ; readings++) {
      const schedule = await this.store.schedules.get(id);
      if (!schedule) return undefined;
      const plan = planOf(schedule);
      const carriedOut = await this.#carryOut(schedule, plan);
      decided += carriedOut;
      if (carriedOut === steps(plan) || readings === MAX_READINGS) return { decided, nextFireMs: plan.nextFireMs, nowMs: schedule.nowMs, jitterMs: schedule.rule.jitter_seconds * 1000 };
    }
  }

  /** How many steps were done; fewer than there are when the schedule must be read again. */
  async #carryOut(schedule: ScheduleRecord, { leftOut, slots }: SchedulePlan): Promise<number> {
    const { id, revision } = schedule;
    let { decidedMs } = schedule;
    let done = 0;
    const claim = (dueMs: number): SlotClaim => ({ scheduleId: id, revision, decidedMs, dueMs });
    if (leftOut) {
      const reason = schedule.rule.enabled ? 'missed' : 'disabled';
      if (!this.#isDone(await this.runs.skip({ ...claim(leftOut.lastMs), fromMs: leftOut.firstMs, reason }))) return done;
      decidedMs = leftOut.lastMs;
      done += 1;
    }
    for (const { dueMs, skip } of slots) {
      const decided = await (skip === undefined ? this.runs.make(schedule, claim(dueMs)) : this.runs.skip({ ...claim(dueMs), reason: skip }));
      if (!this.#isDone(decided)) break;
      decidedMs = dueMs;
      done += 1;
    }
    if (done > 0 && schedule.rule.overlap === 'cancel_previous') await this.runs.cancelPrevious(id);
    return done;
  }

  #isDone(decided: DecidedSlot | undefined): boolean {
    if (decided) this.#metrics.decided(decided);
    return decided !== undefined;
  }
}

function steps({ leftOut, slots }: SchedulePlan): number {
  return slots.length + (leftOut ? 1 : 0);
}
