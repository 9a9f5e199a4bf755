// Schedules in Redis: their rules, and which of their slots have been decided.
import { newId, newSessionId, ScheduleId } from '@runyard/domain';
import type { CreateRun, SlotReason } from '@runyard/domain';
import type { Connection } from '../connection.js';
import { InvalidPageError } from '../errors.js';
import type { Keys } from '../keys.js';
import { isoOf, listOf, mapOf, numberOf, textOf } from '../reply.js';
import { create } from '../scripts/create.js';
import type * as records from './schedule-record.js';
import { deleteScript, getScript, listScript, putScript, skipScript, slotsScript, timingsScript } from './schedule-scripts.js';
import { slotRunId } from './slot-run-id.js';

export const MAX_SCHEDULES = 1000;

export class Schedules {
  constructor(
    private readonly connection: Connection,
    private readonly keys: Keys,
  ) {}

  /** Makes the schedule or changes it, before `settledUntilMs` by the clock of Redis when that is given. `id` must be a ScheduleId. */
  async put(id: string, change: records.ScheduleChange, request: CreateRun, settledUntilMs?: number): Promise<records.PutScheduleAnswer> {
    const { cron, every_seconds, timezone, jitter_seconds } = change;
    const times = JSON.stringify([cron, every_seconds, timezone, jitter_seconds]);
    const args = [this.keys.prefix, checkedId(id), ...[true, false].map((enabled) => JSON.stringify({ ...change, enabled: change.enabled ?? enabled })), times, JSON.stringify(request), MAX_SCHEDULES, settledUntilMs ?? ''];
    const [kind, schedule] = listOf(await this.connection.run((redis) => putScript.run(redis, [this.keys.schedules], args)));
    const word = textOf(kind);
    return word === 'created' || word === 'updated' ? { kind: word, schedule: recordOf(schedule) } : { kind: word === 'due' ? 'due' : 'too_many' };
  }

  /** Whether a run may continue or fork the session now. */
  async hasSession(sessionId: string): Promise<boolean> {
    return (await this.connection.run((redis) => redis.exists(this.keys.session(sessionId)))) === 1;
  }

  async get(id: string): Promise<records.ScheduleRecord | undefined> {
    if (!ScheduleId.safeParse(id).success) return undefined;
    const reply = await this.connection.run((redis) => getScript.run(redis, [this.keys.schedule(id)], [this.keys.prefix, id]));
    return mapOf(reply).has('rule') ? recordOf(reply) : undefined;
  }

  /** At most `limit` (1 to 100), ordered by id. @throws InvalidPageError */
  async list(query: { readonly limit: number; readonly page?: string | undefined }): Promise<records.SchedulePage> {
    const args = [this.keys.prefix, query.page === undefined ? '' : pageId(query.page), query.limit];
    const [next, schedules] = listOf(await this.connection.run((redis) => listScript.run(redis, [this.keys.schedules], args)));
    return { schedules: listOf(schedules).map(recordOf), nextPage: textOf(next) || null };
  }

  /** When all schedules are due, ordered by id, without what their runs are asked. */
  async timings(): Promise<records.ScheduleTiming[]> {
    const timings: records.ScheduleTiming[] = [];
    for (const limit = 100; ; ) {
      const args = [this.keys.prefix, timings.at(-1)?.id ?? '', limit];
      const page = listOf(await this.connection.run((redis) => timingsScript.run(redis, [this.keys.schedules], args)));
      timings.push(...page.map((reply) => timingOf(mapOf(reply))));
      if (page.length < limit) return timings;
    }
  }

  /** Forgets the schedule and its ledger; its runs stay. False when there was none. */
  async delete(id: string): Promise<boolean> {
    if (!ScheduleId.safeParse(id).success) return false;
    return numberOf(await this.connection.run((redis) => deleteScript.run(redis, [this.keys.schedule(id)], [this.keys.prefix, id]))) > 0;
  }

  /** Makes the run of a slot, or one by hand. The same slot again never makes a second run. */
  createRun(input: records.ScheduledRunInput): Promise<records.ScheduledRunAnswer> {
    const { scheduleId, request, slot, idempotency } = input;
    const { session_id, fork } = request;
    const run = {
      request,
      scheduleId,
      trigger: input.trigger ?? ('schedule' as const),
      ...(idempotency && { idempotency }),
      id: slot ? slotRunId(scheduleId, slot.dueMs) : newId('run'),
      sessionId: session_id === undefined || fork === true ? newSessionId() : session_id,
      slot: JSON.stringify(slot ? { ...claimOf(slot), overlap: slot.overlap } : { schedule: scheduleId }),
    };
    return this.connection.run((redis) => create(redis, this.keys, run));
  }

  /** Writes down why a slot makes no run. False when the schedule has changed or somebody else has decided. */
  async skip({ reason, detail, fromMs, ...claim }: records.SkipSlot): Promise<boolean> {
    const row = JSON.stringify({ status: 'skipped', reason, ...(detail !== undefined && { detail: detail.slice(0, 500) }), ...(fromMs !== undefined && { until: claim.dueMs }) });
    const args = [this.keys.prefix, JSON.stringify({ ...claimOf(claim), from: fromMs ?? claim.dueMs }), row.slice(1, -1)];
    return numberOf(await this.connection.run((redis) => skipScript.run(redis, [this.keys.schedule(claim.scheduleId)], args))) === 1;
  }

  /** What became of the slots, the latest 1000, newest first. `limit` 1 to 100. @throws InvalidPageError */
  async slots(id: string, query: { readonly limit: number; readonly page?: string | undefined }): Promise<records.SlotPage> {
    if (query.page !== undefined && !/^\d{1,15}$/.test(query.page)) throw new InvalidPageError('page must be next_page of the page before');
    const args = [this.keys.prefix, query.page ?? '', query.limit];
    const flat = listOf(await this.connection.run((redis) => slotsScript.run(redis, [this.keys.slots(id)], args)));
    const rows = flat.filter((_, i) => i % 2 === 0).slice(0, query.limit);
    return { slots: rows.map(slotOf), nextPage: flat.length / 2 > query.limit ? textOf(flat[rows.length * 2 - 1]) : null };
  }

  /** How many slots the ledger holds. */
  countSlots(id: string): Promise<number> {
    return this.connection.run((redis) => redis.zcard(this.keys.slots(id)));
  }

  /** The runs of the schedule that are not over, in the order in which they were made. */
  liveRuns(id: string): Promise<string[]> {
    return this.connection.run((redis) => redis.lrange(`${this.keys.schedule(id)}:live`, 0, -1));
  }
}

function claimOf({ scheduleId, revision, decidedMs, dueMs }: records.SlotClaim) {
  return { schedule: scheduleId, revision, decided: decidedMs, due: dueMs };
}

function checkedId(id: string): string {
  return ScheduleId.parse(id);
}

function pageId(page: string): string {
  if (!ScheduleId.safeParse(page).success) throw new InvalidPageError('page must be next_page of the page before');
  return page;
}

function timingOf(fields: ReadonlyMap<string, string>): records.ScheduleTiming {
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new TypeError(`the record of schedule ${fields.get('id')} has no ${name}`);
    return value;
  };
  return {
    id: field('id'),
    rule: JSON.parse(field('rule')) as records.ScheduleRule,
    revision: Number(field('revision')),
    decidedMs: Number(field('decided')),
    nowMs: Number(field('now')),
  };
}

function recordOf(reply: unknown): records.ScheduleRecord {
  const fields = mapOf(reply);
  return {
    ...timingOf(fields),
    request: JSON.parse(fields.get('request') ?? '') as CreateRun,
    lastRunId: fields.get('last_run') ?? null,
    lastSlot: fields.get('slot') ? slotOf(fields.get('slot')) : null,
    createdAt: isoOf(Number(fields.get('created'))),
    updatedAt: isoOf(Number(fields.get('updated'))),
  };
}

interface SlotRow {
  readonly due: number;
  readonly at: number;
  readonly status: 'created' | 'skipped';
  readonly reason?: SlotReason;
  readonly run?: string;
  readonly detail?: string;
  readonly until?: number;
}

function slotOf(reply: unknown): records.SlotRecord {
  const row = JSON.parse(textOf(reply)) as SlotRow;
  return {
    dueAt: isoOf(row.due),
    status: row.status,
    reason: row.reason ?? null,
    runId: row.run ?? null,
    detail: row.detail ?? null,
    until: row.until === undefined ? null : isoOf(row.until),
    decidedAt: isoOf(row.at),
  };
}
