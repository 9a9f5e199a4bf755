// Makes, changes and forgets schedules: the record first, then its ticks, which mend themselves.
import { Injectable } from '@nestjs/common';
import { ProblemError } from '@runyard/domain';
import type { CreateRun, PutSchedule } from '@runyard/domain';
import { cronFault, ScheduleTicks } from '@runyard/run-queue';
import { MAX_SCHEDULES, RunStore } from '@runyard/run-store';
import type { PutScheduleAnswer, ScheduleRecord } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import { RedisSettings } from '../operations/redis-settings.js';
import { jitterFault } from './jitter-fault.js';
import { slotRuleOf } from './schedule-plan.js';
import { SlotDecider } from './slot-decider.js';
import { checkTemplate } from './template-check.js';

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

  /** The schedule as put would make it; changes nothing. @throws ProblemError for what put would refuse */
  async preview(id: string, body: PutSchedule): Promise<ScheduleRecord> {
    const before = await this.store.schedules.get(id);
    await this.#check(body, before);
    await this.settings.demandSafe();
    const { run: request, ...change } = body;
    const nowMs = before?.nowMs ?? Date.now();
    const now = new Date(nowMs).toISOString();
    const fresh = { id, revision: 0, decidedMs: nowMs, nowMs, lastRunId: null, lastSlot: null, createdAt: now };
    return { ...fresh, ...before, rule: { ...change, enabled: change.enabled ?? before?.rule.enabled ?? true }, request, updatedAt: now };
  }

  /** What was due by the old rule is decided by it first. @throws ProblemError */
  async put(id: string, body: PutSchedule): Promise<{ readonly schedule: ScheduleRecord; readonly isNew: boolean }> {
    await this.#check(body, await this.store.schedules.get(id));
    await this.settings.demandSafe();
    const answer = await this.#putSettled(id, body);
    if (answer.kind === 'too_many') throw new ProblemError('conflict', `There are ${MAX_SCHEDULES} schedules, and more are not allowed: delete one first.`);
    await this.#mendTicks(id, () => (answer.schedule.rule.enabled ? this.ticks.plan(id, slotRuleOf(body)) : this.ticks.forget(id)));
    return { schedule: answer.schedule, isNew: answer.kind === 'created' };
  }

  /** A slot that becomes due while this is at work is decided first, too. */
  async #putSettled(id: string, { run, ...change }: PutSchedule): Promise<Exclude<PutScheduleAnswer, { kind: 'due' }>> {
    for (let tries = 1; ; tries++) {
      const settled = await this.decider.settle(id);
      const answer = await this.store.schedules.put(id, change, run, tries < MAX_TRIES ? settled?.nextFireMs : undefined);
      if (answer.kind !== 'due') return answer;
    }
  }

  /** False when there was none. */
  async delete(id: string): Promise<boolean> {
    const isDeleted = await this.store.schedules.delete(id);
    if (isDeleted) await this.#mendTicks(id, () => this.ticks.forget(id));
    return isDeleted;
  }

  async #check(body: PutSchedule, before: ScheduleRecord | undefined): Promise<void> {
    // What cannot run any more, or was taken by an older version, can still be paused.
    const isPause = body.enabled === false && before !== undefined;
    const isSameRule = isPause && body.cron === before.rule.cron && body.jitter_seconds === before.rule.jitter_seconds;
    if (!isSameRule) checkRule(body);
    if (!isPause || JSON.stringify(body.run) !== JSON.stringify(before.request)) await this.#checkTemplate(body.run);
  }

  /** The template must be a run that could be created now. */
  async #checkTemplate(run: CreateRun): Promise<void> {
    await checkTemplate(run, this.context);
    if (run.session_id === undefined || (await this.store.schedules.hasSession(run.session_id))) return;
    throw new ProblemError('session_not_found', undefined, [{ field: 'run.session_id', message: 'is not known: use the session_id of an earlier run, or leave it out' }]);
  }

  async #mendTicks(id: string, mend: () => Promise<void>): Promise<void> {
    await mend().catch((error: unknown) => this.context.logger.warn({ err: error, schedule_id: id }, 'ticks not changed yet: they are looked at every few seconds'));
  }
}

/** @throws ProblemError when its due times mean something else than they say */
function checkRule(body: PutSchedule): void {
  const fault = body.cron === undefined ? undefined : cronFault(body.cron);
  if (fault !== undefined) throw new ProblemError('invalid_request', undefined, [{ field: 'cron', message: fault }]);
  const jitter = jitterFault(body);
  if (jitter !== undefined) throw new ProblemError('invalid_request', undefined, [{ field: 'jitter_seconds', message: jitter }]);
}
