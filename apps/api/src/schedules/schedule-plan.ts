// What is to be done about a schedule now: which of its slots have passed since the last decided one, and when the next is made.
import { createHash } from 'node:crypto';
import { planSlots } from '@runyard/domain';
import type { DueSlot, SlotPlan } from '@runyard/domain';
import { nextSlot, passedSlots } from '@runyard/run-queue';
import type { PassedSlots, SlotRule } from '@runyard/run-queue';
import type { ScheduleRule, ScheduleTiming } from '@runyard/run-store';

/** Of more slots than these nobody was there for, the earlier ones are written down together and never made. */
const MAX_PASSED = 100;

export interface SchedulePlan {
  readonly leftOut: PassedSlots['leftOut'];
  /** In order. */
  readonly slots: readonly SlotPlan[];
  /** When the first slot that is not in `slots` is to be made, in milliseconds of the clock of Redis. */
  readonly nextFireMs: number;
}

/** The plan by the clock that `timing` was read with. */
export function planOf(timing: ScheduleTiming): SchedulePlan {
  const { decidedMs, nowMs } = timing;
  const rule = slotRuleOf(timing.rule);
  const passed = passedSlots(rule, { afterMs: decidedMs, untilMs: nowMs, max: MAX_PASSED });
  const due: DueSlot[] = [];
  for (const [i, dueMs] of passed.slots.entries()) {
    due.push({ dueMs, nextMs: passed.slots[i + 1] ?? nextSlot(rule, dueMs), fireMs: Math.max(due.at(-1)?.fireMs ?? 0, fireMsOf(timing, dueMs)) });
  }
  const slots = planSlots(due, timing.rule, nowMs);
  const nextFireMs = due[slots.length]?.fireMs ?? fireMsOf(timing, nextSlot(rule, nowMs));
  return { leftOut: passed.leftOut, slots, nextFireMs };
}

/** When the first slot that is not decided is to be made, in milliseconds. Cheap. */
export function firstFireMs(timing: ScheduleTiming): number {
  return fireMsOf(timing, nextSlot(slotRuleOf(timing.rule), timing.decidedMs));
}

export function slotRuleOf({ cron, every_seconds, timezone }: Pick<ScheduleRule, 'cron' | 'every_seconds' | 'timezone'>): SlotRule {
  if (every_seconds !== undefined) return { everySeconds: every_seconds };
  if (cron !== undefined) return { cron, timezone };
  throw new TypeError('a schedule has neither cron nor every_seconds');
}

/** The same for the same slot, whoever computes it. */
function fireMsOf({ id, rule }: ScheduleTiming, dueMs: number): number {
  if (rule.jitter_seconds === 0) return dueMs;
  const chance = createHash('sha256').update(`jitter:${id}:${dueMs}`).digest().readUInt32BE() / 2 ** 32;
  return dueMs + Math.floor(chance * rule.jitter_seconds * 1000);
}
