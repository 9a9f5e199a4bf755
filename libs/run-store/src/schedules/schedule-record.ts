// A schedule as the store keeps it, and what is asked and answered about its slots.
import type { CreateRun, PutSchedule, SlotReason, Trigger } from '@runyard/domain';
import type { CreateAnswer } from '../answers.js';

/** When the runs of a schedule are due and what becomes of them: all but what they are asked. */
export type ScheduleRule = ScheduleChange & { readonly enabled: boolean };

/** The same as it shall be; without `enabled` it stays paused or not. */
export type ScheduleChange = Omit<PutSchedule, 'run'>;

export interface ScheduleTiming {
  readonly id: string;
  readonly rule: ScheduleRule;
  /** Raised by every change. */
  readonly revision: number;
  /** No slot up to this one is decided any more, in milliseconds. */
  readonly decidedMs: number;
  /** The clock of Redis when this was read, in milliseconds. */
  readonly nowMs: number;
}

export interface ScheduleRecord extends ScheduleTiming {
  readonly request: CreateRun;
  readonly lastRunId: string | null;
  /** What became of the latest slot; null before the first, and when the ledger has forgotten it. */
  readonly lastSlot: SlotRecord | null;
  /** ISO, by the clock of Redis. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SchedulePage {
  /** Ordered by id. */
  readonly schedules: ScheduleRecord[];
  readonly nextPage: string | null;
}

/** `due`: a slot has become due by the rule that was to be changed, so decide it first. */
export type PutScheduleAnswer =
  | { readonly kind: 'created' | 'updated'; readonly schedule: ScheduleRecord }
  | { readonly kind: 'too_many' }
  | { readonly kind: 'due' };

/** A slot that is to be decided: refused as `changed` unless the schedule is still as it was when this was planned. */
export interface SlotClaim {
  readonly scheduleId: string;
  readonly revision: number;
  readonly decidedMs: number;
  readonly dueMs: number;
}

export interface SkipSlot extends SlotClaim {
  readonly reason: SlotReason;
  readonly detail?: string;
  /** The first of all slots that this answers for, when they are more than one. */
  readonly fromMs?: number;
}

export interface ScheduledRunInput {
  readonly scheduleId: string;
  readonly request: CreateRun;
  /** Absent for a run that somebody asked for by hand. */
  readonly slot?: SlotClaim & { readonly overlap: ScheduleRule['overlap'] };
  readonly trigger?: Trigger;
  readonly idempotency?: { readonly key: string; readonly fingerprint: string };
}

export interface SlotRefusal {
  readonly kind: 'slot_refused';
  /** `gone`: no such schedule. `changed`: read it again. The others are in the ledger. */
  readonly reason: 'gone' | 'changed' | 'overlap' | 'queue_full';
}

export type ScheduledRunAnswer = CreateAnswer | SlotRefusal;

export interface SlotRecord {
  readonly dueAt: string;
  readonly status: 'created' | 'skipped';
  readonly reason: SlotReason | null;
  readonly runId: string | null;
  readonly detail: string | null;
  /** When set, this stands for all slots from `dueAt` to this one. */
  readonly until: string | null;
  readonly decidedAt: string;
}

export interface SlotPage {
  /** The latest first. */
  readonly slots: SlotRecord[];
  readonly nextPage: string | null;
}
