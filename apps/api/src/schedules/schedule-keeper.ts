// Makes, changes and forgets schedules: the record first, then its ticks, which mend themselves.
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@runyard/domain';
import type { FieldError, PutSchedule } from '@runyard/domain';
import { cronFault, ScheduleTicks } from '@runyard/run-queue';
import { MAX_SCHEDULES, RunStore } from '@runyard/run-store';
import type { PutScheduleAnswer, ScheduleRecord } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import { RedisSettings } from '../operations/redis-settings.js';
import { checkRunRules } from '../runs/run-rules.js';
import { slotRuleOf } from './schedule-plan.js';
import { SlotDecider } from './slot-decider.js';

/** A machine that needs longer than the interval for each of so many tries changes the schedule all the same. */
const MAX_TRIES = 20;

@Injectable()
export class ScheduleKeeper {
  constructor(
    private readonly store: RunStore,
    private readonly ticks: ScheduleTicks,
    private readonly decider: SlotDecider,
    private readonly settings: RedisSettings,
    private readonly context: ApiContext,
  ) {}

  /** Changes nothing. @throws ProblemError for what put would refuse */
  async check(body: PutSchedule): Promise<void> {
    const fault = body.cron === undefined ? undefined : cronFault(body.cron);
    if (fault !== undefined) throw new ProblemError('invalid_request', undefined, [{ field: 'cron', message: fault }]);
    await this.#checkTemplate(body);
  }

  /** What was due by the old rule is decided by it first. @throws ProblemError */
  async put(id: string, body: PutSchedule): Promise<{ readonly schedule: ScheduleRecord; readonly isNew: boolean }> {
    await this.check(body);
    await this.settings.demandSafe();
    const answer = await this.#putSettled(id, body);
    if (answer.kind === 'too_many') throw new ProblemError('conflict', `There are ${MAX_SCHEDULES} schedules, and more are not allowed: delete one first.`);
    await this.#mendTicks(id, () => (body.enabled ? this.ticks.plan(id, slotRuleOf(body)) : this.ticks.forget(id)));
    return { schedule: answer.schedule, isNew: answer.kind === 'created' };
  }

  /** A slot that becomes due while this is at work is decided first, too. */
  async #putSettled(id: string, { run, ...rule }: PutSchedule): Promise<Exclude<PutScheduleAnswer, { kind: 'due' }>> {
    for (let tries = 1; ; tries++) {
      const settled = await this.decider.settle(id);
      const answer = await this.store.schedules.put(id, rule, run, tries < MAX_TRIES ? settled?.nextFireMs : undefined);
      if (answer.kind !== 'due') return answer;
    }
  }

  /** False when there was none. */
  async delete(id: string): Promise<boolean> {
    const isDeleted = await this.store.schedules.delete(id);
    if (isDeleted) await this.#mendTicks(id, () => this.ticks.forget(id));
    return isDeleted;
  }

  /** The template must be a run that could be created now. */
  async #checkTemplate({ run }: PutSchedule): Promise<void> {
    try {
      await checkRunRules(run, this.context);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      const errors: FieldError[] = error.errors.map(({ field, message }) => ({ field: `run.${field}`, message }));
      throw new ProblemError(error.code, undefined, errors);
    }
  }

  async #mendTicks(id: string, mend: () => Promise<void>): Promise<void> {
    await mend().catch((error: unknown) => this.context.logger.warn({ err: error, schedule_id: id }, 'ticks not changed yet: they are looked at every few seconds'));
  }
}
