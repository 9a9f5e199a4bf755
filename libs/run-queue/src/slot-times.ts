// When the slots of a schedule are. Cron is read on the wall clock of the zone and turned into instants here, because
// cron-parser leaves out a day when a zone puts its clock forward by half an hour.
import { CronExpressionParser } from 'cron-parser';
import { instantsOf, offsetMs, unchangedInstant } from './wall-clock.js';

/** `cron` has five fields. */
export type SlotRule = { readonly everySeconds: number } | { readonly cron: string; readonly timezone: string };

/** Clocks are changed by two hours at most. */
const CHANGE_MS = 3 * 60 * 60 * 1000;
const FIRST_WINDOW_MS = 60 * 60 * 1000;
const LONGEST_WINDOW_MS = 366 * 24 * 60 * 60 * 1000;

interface CronField {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** What one entry between commas may be, beside a range with or without a step. */
  readonly also: RegExp;
}

const NOTHING = /(?!)/;
const FIELDS: readonly CronField[] = [
  { name: 'minute', min: 0, max: 59, also: NOTHING },
  { name: 'hour', min: 0, max: 23, also: NOTHING },
  { name: 'day of month', min: 1, max: 31, also: /^L$/i },
  { name: 'month', min: 1, max: 12, also: NOTHING },
  { name: 'day of week', min: 0, max: 7, also: /^\w+#\d$|^\w*L$/i },
];

/** What is wrong with a cron expression of five fields, completing the sentence "cron …"; undefined when nothing is. */
export function cronFault(cron: string): string | undefined {
  const texts = cron.split(' ');
  if (/h/i.test(texts.slice(0, 3).join(' '))) return 'must not use H: say the number';
  for (const [i, field] of FIELDS.entries()) {
    const fault = fieldFault(field, i, texts[i] ?? '');
    if (fault !== undefined) return `cannot be read: the ${field.name} ${fault}`;
  }
  // Each field for itself is fine.
  return libraryFault(cron) === undefined ? undefined : 'is never due: no date has this day, month and day of week';
}

function fieldFault(field: CronField, place: number, text: string): string | undefined {
  const fault = libraryFault(FIELDS.map((_, i) => (i === place ? text : '*')).join(' '));
  if (fault !== undefined) return inOurWords(fault, field, text);
  return text.split(',').map((entry) => entryFault(field, entry)).find((each) => each !== undefined);
}

/** What the library takes, though it does not mean what it seems to: a step beyond the end counts from the beginning again. */
function entryFault({ min, max, also }: CronField, entry: string): string | undefined {
  if (also.test(entry)) return undefined;
  const range = /^(\*|\d+|[a-z]{3})(?:-(\w+))?(?:\/(\d+))?$/i.exec(entry);
  if (!range) return `must not be ${entry}`;
  const [, from = '', to = '', step] = range;
  const first = /^\d+$/.test(from) ? Number(from) : min;
  const last = /^\d+$/.test(to) ? Number(to) : max;
  const values = last - first + 1;
  return step !== undefined && Number(step) > values ? `cannot go in steps of ${step}: ${entry} has only ${values} values, and every hour, day, month or week begins anew` : undefined;
}

function inOurWords(fault: string, { min, max }: CronField, text: string): string {
  const value = /got (?:value|range) (\S+) expected range/.exec(fault)?.[1];
  if (value !== undefined && !value.includes('NaN')) return `must be within ${min}-${max}, not ${value}`;
  return `must not be ${text} (${fault})`;
}

/** What the library says against an expression. */
function libraryFault(cron: string): string | undefined {
  try {
    CronExpressionParser.parse(cron, { tz: 'UTC' }).next();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * The first slot after an instant, in milliseconds. A wall time that the clock leaves out counts as if the clock had not been
 * changed; one that comes twice counts the first time, or both when the hour field is `*`. @throws Error when cronFault names one
 */
export function nextSlot(rule: SlotRule, afterMs: number): number {
  if ('everySeconds' in rule) {
    const everyMs = rule.everySeconds * 1000;
    return (Math.floor(afterMs / everyMs) + 1) * everyMs;
  }
  const { timezone } = rule;
  if (isCalm(timezone, afterMs)) {
    const wallMs = wallsAfter(rule.cron, afterMs + offsetMs(timezone, afterMs))();
    const slot = wallMs - offsetMs(timezone, wallMs - offsetMs(timezone, wallMs));
    if (isCalm(timezone, slot)) return slot;
  }
  return nextNearChange(rule, afterMs);
}

/** The next slots after an instant, ascending. */
export function nextSlots(rule: SlotRule, afterMs: number, count: number): number[] {
  const slots: number[] = [];
  for (let slot = afterMs; slots.length < count; ) slots.push((slot = nextSlot(rule, slot)));
  return slots;
}

export interface PassedSlots {
  /** The latest slots that are later than `afterMs` and not later than `untilMs`, ascending. */
  readonly slots: number[];
  /** The first and last of the earlier slots that were left out, when there are any. */
  readonly leftOut: { readonly firstMs: number; readonly lastMs: number } | undefined;
}

/** The slots between two instants, at most the latest `max`. Costs no more for a year than for an hour. */
export function passedSlots(rule: SlotRule, { afterMs, untilMs, max }: { readonly afterMs: number; readonly untilMs: number; readonly max: number }): PassedSlots {
  for (let windowMs = firstWindow(rule, max); ; windowMs *= 4) {
    const fromMs = windowMs > LONGEST_WINDOW_MS ? afterMs : Math.max(afterMs, untilMs - windowMs);
    const slots: number[] = [];
    for (let slot = nextSlot(rule, fromMs); slot <= untilMs; slot = nextSlot(rule, slot)) slots.push(slot);
    if (fromMs > afterMs && slots.length <= max) continue;
    const firstMs = nextSlot(rule, afterMs);
    const kept = slots.slice(-max);
    const lastMs = slots.at(-max - 1);
    return { slots: kept, leftOut: lastMs === undefined ? undefined : { firstMs, lastMs } };
  }
}

function firstWindow(rule: SlotRule, max: number): number {
  return 'everySeconds' in rule ? (max + 2) * rule.everySeconds * 1000 : FIRST_WINDOW_MS;
}

/** No change of the clock is near. */
function isCalm(timezone: string, instantMs: number): boolean {
  const offset = offsetMs(timezone, instantMs);
  return offset === offsetMs(timezone, instantMs - CHANGE_MS) && offset === offsetMs(timezone, instantMs + CHANGE_MS);
}

/** Near a change the order of wall times is not the order of instants: looks at all around and takes the first. */
function nextNearChange({ cron, timezone }: { readonly cron: string; readonly timezone: string }, afterMs: number): number {
  const isHourly = cron.split(' ')[1] === '*';
  const next = wallsAfter(cron, afterMs + offsetMs(timezone, afterMs) - CHANGE_MS);
  let earliest: number | undefined;
  for (;;) {
    const wallMs = next();
    if (earliest !== undefined && wallMs > earliest + offsetMs(timezone, earliest) + CHANGE_MS) return earliest;
    for (const slot of slotsOfWall(timezone, wallMs, isHourly)) {
      if (slot > afterMs && (earliest === undefined || slot < earliest)) earliest = slot;
    }
  }
}

function slotsOfWall(timezone: string, wallMs: number, isHourly: boolean): number[] {
  const instants = instantsOf(timezone, wallMs);
  // Every hour means every hour that passes: none is made up, none is left out.
  if (isHourly) return instants;
  return [instants[0] ?? unchangedInstant(timezone, wallMs)];
}

/** Each call answers the next wall time that the expression names. */
function wallsAfter(cron: string, wallMs: number): () => number {
  const walls = CronExpressionParser.parse(cron, { tz: 'UTC', currentDate: new Date(wallMs) });
  return () => walls.next().getTime();
}
