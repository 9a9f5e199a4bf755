// What becomes of the slots of schedules, as a metric. Counted once each: by the process that decided the slot.
import { Counter } from 'prom-client';
import type { Metrics } from './metrics.js';

export interface DecidedSlot {
  readonly status: 'created' | 'skipped';
  /** Why there is no run, one of a closed list; undefined when there is one. */
  readonly reason?: string | undefined;
}

export class ScheduleMetrics {
  readonly #slots: Counter;

  /** `reasons`: all that there are, so that each series is there, with 0, before the first slot of its kind: alerts on growth need it. */
  constructor({ registry }: Metrics, reasons: readonly string[]) {
    this.#slots = new Counter({ name: 'runyard_schedule_slots_total', help: 'Decided slots of schedules; a stretch of slots that is written down as one counts once.', labelNames: ['status', 'reason'], registers: [registry] });
    this.#slots.inc({ status: 'created', reason: '' }, 0);
    for (const reason of reasons) this.#slots.inc({ status: 'skipped', reason }, 0);
  }

  decided({ status, reason = '' }: DecidedSlot): void {
    this.#slots.inc({ status, reason });
  }
}
