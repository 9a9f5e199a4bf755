// Schedules: when runs are made by themselves, and what each of them is asked.
import { z } from 'zod';
import { CreateRun } from './create-run.js';
import { idSchema } from './ids.js';

const time = z.iso.datetime();

const MAX_SECONDS = 366 * 24 * 60 * 60;
const FIVE_FIELDS = /^[0-9A-Za-z*,/#-]+(?: [0-9A-Za-z*,/#-]+){4}$/;

/** Chosen by the client, because PUT makes the schedule. */
export const ScheduleId = idSchema('schedule').meta({ id: 'ScheduleId' });

export const OVERLAPS = ['skip', 'queue', 'cancel_previous'] as const;
export const Overlap = z
  .enum(OVERLAPS)
  .describe('When a run of the schedule is not over at the next due time: `skip` makes none, `queue` makes one that waits for its turn, `cancel_previous` cancels the earlier ones and starts when they are over.');
export type Overlap = z.infer<typeof Overlap>;

export const MISSED = ['skip', 'one', 'all'] as const;
export const Missed = z
  .enum(MISSED)
  .describe('Due times while nothing was there to make the run: `skip` forgets them, `one` makes one run for the latest, `all` makes a run for each of the latest 100.');
export type Missed = z.infer<typeof Missed>;

/** True for names of zones that this machine knows, such as Europe/Berlin. Offsets such as +05:30 are no names, though Intl takes them. */
export function isTimeZone(name: string): boolean {
  if (/^[+-]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** A template runs again and again, so it cannot say when. */
const Template = CreateRun.refine((run) => !('run_at' in run), { path: ['run_at'], message: 'cannot be used here: the schedule says when, so leave it out' });

export const PutSchedule = z
  .strictObject({
    cron: z
      .string()
      .max(200)
      .refine((cron) => FIVE_FIELDS.test(cron), 'must be five fields with one space between them: minute, hour, day of month, month, day of week, such as 30 9 * * 1-5')
      .optional()
      .describe('Five fields in the time zone of the schedule: minute, hour, day of month, month, day of week. Either this or every_seconds.'),
    every_seconds: z.int().min(1).max(MAX_SECONDS).optional().describe('Due whenever the seconds since 1970 can be divided by this, so 3600 is every full hour of UTC.'),
    timezone: z.string().max(100).refine(isTimeZone, 'must be a time zone of the IANA database, such as Europe/Berlin or UTC').default('UTC'),
    enabled: z.boolean().optional().describe('false pauses the schedule: its due times pass without a run. Left out, it stays as it is; a new schedule is not paused.'),
    overlap: Overlap.default('skip'),
    missed: Missed.default('one'),
    jitter_seconds: z.int().min(0).max(3600).default(0).describe('Each run is made up to so many seconds after its due time, always the same for the same due time.'),
    run: Template.describe('What each run is asked: the body of POST /v1/runs.'),
  })
  .superRefine((schedule, context) => {
    const { cron, every_seconds, timezone, jitter_seconds } = schedule;
    const fault = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (cron === undefined && every_seconds === undefined) fault('cron', 'is required, or every_seconds: say when the runs are due');
    if (cron !== undefined && every_seconds !== undefined) fault('every_seconds', 'cannot be used together with cron: leave one of them out');
    if (every_seconds !== undefined && timezone !== 'UTC') fault('timezone', 'has no effect on every_seconds: leave it out, or use cron');
    if (every_seconds !== undefined && jitter_seconds >= every_seconds && jitter_seconds > 0) fault('jitter_seconds', 'must be less than every_seconds');
  })
  .meta({ id: 'PutSchedule', description: 'A schedule as it shall be.' });
export type PutSchedule = z.infer<typeof PutSchedule>;

export const PutScheduleQuery = z
  .strictObject({ dry_run: z.enum(['true', 'false']).default('false').describe('`true` changes nothing: everything that PUT refuses is refused, but for the number of schedules; else the answer is the schedule as it would be.') })
  .meta({ id: 'PutScheduleQuery' });
export type PutScheduleQuery = z.infer<typeof PutScheduleQuery>;

export const SLOT_REASONS = ['overlap', 'queue_full', 'missed', 'disabled', 'refused'] as const;
export const SlotReason = z.enum(SLOT_REASONS);
export type SlotReason = z.infer<typeof SlotReason>;

export const Slot = z
  .object({
    object: z.literal('slot'),
    due_at: time,
    status: z.enum(['created', 'skipped']),
    reason: SlotReason.nullable().describe(
      'Why there is no run: `overlap`: an earlier one was not over; `queue_full`: 100 were not over; `missed`: nothing was there to make it in time; `disabled`: the schedule was paused; `refused`: the run could not be created, see detail.',
    ),
    run_id: z.string().nullable(),
    detail: z.string().nullable(),
    until: time.nullable().describe('When set, this entry stands for every due time from due_at to this one.'),
    decided_at: time,
  })
  .meta({ id: 'Slot', description: 'What happened at one due time of a schedule.' });
export type Slot = z.infer<typeof Slot>;

export const Schedule = z
  .object({
    id: z.string(),
    object: z.literal('schedule'),
    cron: z.string().nullable(),
    every_seconds: z.int().nullable(),
    timezone: z.string(),
    enabled: z.boolean(),
    overlap: Overlap,
    missed: Missed,
    jitter_seconds: z.int(),
    run: CreateRun,
    next_runs: z.array(time).describe('The next five due times; none while the schedule is paused.'),
    last_run_id: z.string().nullable(),
    last_slot: Slot.nullable().describe('What happened at the latest due time; null before the first.'),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Schedule', description: 'A rule that makes runs by itself.' });
export type Schedule = z.infer<typeof Schedule>;

export const ScheduleList = z.object({ data: z.array(Schedule), next_page: z.string().nullable() }).meta({ id: 'ScheduleList' });
export type ScheduleList = z.infer<typeof ScheduleList>;

export const SlotList = z.object({ data: z.array(Slot), next_page: z.string().nullable() }).meta({ id: 'SlotList' });
export type SlotList = z.infer<typeof SlotList>;

/** Page through schedules by id, or through slots from the latest. */
export const ListSchedulesQuery = z
  .strictObject({
    limit: z.coerce.number().int().min(1).max(100).default(20),
    page: z.string().max(200).optional().describe('next_page of the page before.'),
  })
  .meta({ id: 'ListSchedulesQuery' });
export type ListSchedulesQuery = z.infer<typeof ListSchedulesQuery>;
