// Schedules and slots as the store keeps them → as the API shows them.
import type { Schedule, Slot } from '@runyard/domain';
import { nextSlots } from '@runyard/run-queue';
import type { ScheduleRecord, SlotRecord } from '@runyard/run-store';
import { slotRuleOf } from './schedule-plan.js';

const NEXT_RUNS = 5;

export function scheduleView({ id, rule, request, lastRunId, lastSlot, createdAt, updatedAt, nowMs }: ScheduleRecord): Schedule {
  const next = rule.enabled ? nextSlots(slotRuleOf(rule), nowMs, NEXT_RUNS) : [];
  return {
    id,
    object: 'schedule',
    cron: rule.cron ?? null,
    every_seconds: rule.every_seconds ?? null,
    timezone: rule.timezone,
    enabled: rule.enabled,
    overlap: rule.overlap,
    missed: rule.missed,
    jitter_seconds: rule.jitter_seconds,
    run: request,
    next_runs: next.map((ms) => new Date(ms).toISOString()),
    last_run_id: lastRunId,
    last_slot: lastSlot && slotView(lastSlot),
    created_at: createdAt,
    updated_at: updatedAt,
  };
}

export function slotView({ dueAt, status, reason, runId, detail, until, decidedAt }: SlotRecord): Slot {
  return { object: 'slot', due_at: dueAt, status, reason, run_id: runId, detail, until, decided_at: decidedAt };
}
