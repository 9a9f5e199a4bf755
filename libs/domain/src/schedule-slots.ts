// What becomes of the slots of a schedule that are due: a pure rule.
import type { Missed } from './schedule.js';

/** A slot: one due time of a schedule, in milliseconds since 1970. */
export interface DueSlot {
  readonly dueMs: number;
  /** The slot after it. */
  readonly nextMs: number;
  /** When the run is to be made: the due time plus the jitter of this slot. */
  readonly fireMs: number;
}

export interface SlotPlan {
  readonly dueMs: number;
  /** Why no run is made; undefined = make one. */
  readonly skip: 'missed' | 'disabled' | undefined;
}

const MIN_GRACE_MS = 5_000;
const MAX_GRACE_MS = 60_000;

/** How late a run may be made before its slot counts as missed, in milliseconds: until the next slot, but 5 s to 60 s. */
export function graceMs({ dueMs, nextMs }: Pick<DueSlot, 'dueMs' | 'nextMs'>): number {
  return Math.min(MAX_GRACE_MS, Math.max(MIN_GRACE_MS, nextMs - dueMs));
}

/**
 * Decides the slots, given in order; those from the first one that is not to be made yet are left for later.
 * A slot within its grace gets a run under every policy.
 */
export function planSlots(slots: readonly DueSlot[], rule: { readonly enabled: boolean; readonly missed: Missed }, nowMs: number): SlotPlan[] {
  const early = slots.findIndex((slot) => slot.fireMs > nowMs);
  const due = early === -1 ? slots : slots.slice(0, early);
  if (!rule.enabled) return due.map(({ dueMs }) => ({ dueMs, skip: 'disabled' }));
  const isMissed = (slot: DueSlot): boolean => nowMs - slot.fireMs > graceMs(slot);
  const latestMissed = due.findLast(isMissed);
  return due.map((slot) => {
    const isMade = !isMissed(slot) || rule.missed === 'all' || (rule.missed === 'one' && slot === latestMissed);
    return { dueMs: slot.dueMs, skip: isMade ? undefined : 'missed' };
  });
}
