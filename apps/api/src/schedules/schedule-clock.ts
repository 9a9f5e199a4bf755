// What lets schedules run by themselves: ticks say when to look, and a look every few seconds makes up for ticks that did not come.
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { patternOf, QueueUnavailableError, ScheduleTicks } from '@runyard/run-queue';
import type { PlannedTicks } from '@runyard/run-queue';
import { RedisUnavailableError, RunStore } from '@runyard/run-store';
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
    const { closing } = this.context;
    const consumer = this.ticks.consume((id) => this.tick(id));
    while (!closing.aborted) {
      await this.look().catch((error: unknown) => this.#note(error, 'schedules could not be looked at'));
      await sleep(LOOK_EVERY_MS, undefined, { signal: closing }).catch(() => undefined);
    }
    await consumer.close();
  }

  /** Decides what is due of one schedule, and has itself called again when its slot is to be made a little later. */
  async tick(id: string): Promise<void> {
    const settled = await this.decider.settle(id);
    if (!settled || settled.decided > 0) return;
    const waitMs = settled.nextFireMs - settled.nowMs;
    if (waitMs <= EARLY_TICK_MS + settled.jitterMs) await this.ticks.later(id, settled.nextFireMs, waitMs);
  }

  /** Decides what ticks have left, and mends the ticks. @throws RedisUnavailableError, QueueUnavailableError */
  async look(): Promise<void> {
    // In this order: what is planned has a record, unless it was deleted.
    const planned = await this.ticks.planned();
    const timings = await this.store.schedules.timings();
    for (const timing of timings) {
      await this.#lookAt(timing, planned.get(timing.id)).catch((error: unknown) => this.#note(error, 'a schedule could not be looked at', timing.id));
    }
    const wanted = new Set(timings.flatMap((timing) => (timing.rule.enabled ? [timing.id] : [])));
    for (const id of planned.keys()) if (!wanted.has(id)) await this.ticks.forget(id);
  }

  async #lookAt(timing: ScheduleTiming, planned: PlannedTicks | undefined): Promise<void> {
    if (firstFireMs(timing) <= timing.nowMs - OVERDUE_MS) await this.decider.settle(timing.id);
    if (timing.rule.overlap === 'cancel_previous') await this.runs.cancelPrevious(timing.id);
    if (timing.rule.enabled && !willTick(timing, planned)) await this.ticks.plan(timing.id, slotRuleOf(timing.rule));
  }

  #note(error: unknown, message: string, id?: string): void {
    // Redis being away is told by whoever notices first, not every few seconds.
    if (error instanceof RedisUnavailableError || error instanceof QueueUnavailableError) return;
    this.context.logger.error({ err: error, schedule_id: id }, message);
  }
}

function willTick({ rule }: ScheduleTiming, planned: PlannedTicks | undefined): boolean {
  const { pattern, timezone } = patternOf(slotRuleOf(rule));
  return planned?.pattern === pattern && planned.timezone === timezone && planned.nextMs !== undefined && planned.nextMs > Date.now() - LOST_TICK_MS;
}
