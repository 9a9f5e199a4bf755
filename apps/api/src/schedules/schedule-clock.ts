// What lets schedules run by themselves: ticks say when to look, and a look every few seconds, by one process for all, makes up
// for ticks that did not come.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Injectable } from '@nestjs/common';
import { patternOf, QueueUnavailableError, ScheduleTicks } from '@runyard/run-queue';
import type { PlannedTicks } from '@runyard/run-queue';
import { RedisUnavailableError, RunStore, startLeaderJobs } from '@runyard/run-store';
import type { ScheduleTiming } from '@runyard/run-store';
import { ApiContext } from '../api-context.js';
import { firstFireMs, slotRuleOf } from './schedule-plan.js';
import { ScheduledRuns } from './scheduled-runs.js';
import { SlotDecider } from './slot-decider.js';

const LOOK_EVERY_MS = 5_000;
/** A slot that is due for less is probably just being decided by a tick. */
const OVERDUE_MS = 1_500;
/** A tick that is planned for a time so long ago will not come. */
const LOST_TICK_MS = 10_000;
/** A tick that came before its slot, because clocks disagree, comes again. */
const EARLY_TICK_MS = 2_000;

@Injectable()
export class ScheduleClock {
  constructor(
    private readonly store: RunStore,
    private readonly ticks: ScheduleTicks,
    private readonly decider: SlotDecider,
    private readonly runs: ScheduledRuns,
    private readonly context: ApiContext,
  ) {}

  /** Runs until the API closes; the promise resolves then. */
  async run(): Promise<void> {
    const { closing, runMetrics } = this.context;
    const consumer = this.ticks.consume((id) => this.tick(id));
    const stop = startLeaderJobs({
      store: this.store,
      family: 'schedules',
      holder: `api_${randomUUID()}`,
      jobs: [{ name: 'schedules', everyMs: LOOK_EVERY_MS, work: () => this.look() }],
      onDone: (job, count) => runMetrics.reconciled(job, count),
      onError: (_, error) => this.#note(error, 'schedules could not be looked at'),
    });
    if (!closing.aborted) await once(closing, 'abort');
    await stop();
    await consumer.close();
  }

  /** Decides what is due of one schedule, and has itself called again when its slot is to be made a little later. */
  async tick(id: string): Promise<void> {
    const settled = await this.decider.settle(id);
    if (!settled || settled.decided > 0) return;
    const waitMs = settled.nextFireMs - settled.nowMs;
    if (waitMs <= EARLY_TICK_MS + settled.jitterMs) await this.ticks.later(id, settled.nextFireMs, waitMs);
  }

  /**
   * Decides what ticks have left, and mends the ticks. Answers how many schedules were not in order.
   * @throws RedisUnavailableError, QueueUnavailableError
   */
  async look(): Promise<number> {
    let mended = 0;
    // In this order: what is planned has a record, unless it was deleted.
    const planned = await this.ticks.planned();
    const timings = await this.store.schedules.timings();
    for (const timing of timings) {
      const isMended = await this.#lookAt(timing, planned.get(timing.id)).catch((error: unknown) => this.#note(error, 'a schedule could not be looked at', timing.id));
      if (isMended) mended++;
    }
    const wanted = new Set(timings.flatMap((timing) => (timing.rule.enabled ? [timing.id] : [])));
    for (const id of planned.keys()) {
      if (wanted.has(id)) continue;
      await this.ticks.forget(id);
      mended++;
    }
    return mended;
  }

  /** True when there was something to mend. */
  async #lookAt(timing: ScheduleTiming, planned: PlannedTicks | undefined): Promise<boolean> {
    const isOverdue = firstFireMs(timing) <= timing.nowMs - OVERDUE_MS;
    if (isOverdue) await this.decider.settle(timing.id);
    if (timing.rule.overlap === 'cancel_previous') await this.runs.cancelPrevious(timing.id);
    const hasNoTick = timing.rule.enabled && !willTick(timing, planned);
    if (hasNoTick) await this.ticks.plan(timing.id, slotRuleOf(timing.rule));
    return isOverdue || hasNoTick;
  }

  #note(error: unknown, message: string, id?: string): undefined {
    // Redis being away is told by whoever notices first, not every few seconds.
    if (error instanceof RedisUnavailableError || error instanceof QueueUnavailableError) return;
    this.context.logger.error({ err: error, schedule_id: id }, message);
  }
}

function willTick({ rule }: ScheduleTiming, planned: PlannedTicks | undefined): boolean {
  const { pattern, timezone } = patternOf(slotRuleOf(rule));
  return planned?.pattern === pattern && planned.timezone === timezone && planned.nextMs !== undefined && planned.nextMs > Date.now() - LOST_TICK_MS;
}
