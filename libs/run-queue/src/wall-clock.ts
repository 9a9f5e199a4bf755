// Wall clocks: what a clock shows in a time zone, and when it shows it. Wall times are milliseconds as if the zone were UTC.

const FORMATS = new Map<string, Intl.DateTimeFormat>();
const DAY_MS = 24 * 60 * 60 * 1000;

/** How far the zone is ahead of UTC at an instant, in milliseconds. @throws RangeError for an unknown zone */
export function offsetMs(timezone: string, instantMs: number): number {
  if (timezone === 'UTC') return 0;
  const fields = new Map(formatOf(timezone).formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]));
  const field = (name: Intl.DateTimeFormatPartTypes): number => fields.get(name) ?? 0;
  const wallMs = Date.UTC(field('year'), field('month') - 1, field('day'), field('hour'), field('minute'), field('second'));
  return wallMs - Math.floor(instantMs / 1000) * 1000;
}

/** When the clock shows this: once, twice when it was put back over it, never when it was put forward over it. Ascending. */
export function instantsOf(timezone: string, wallMs: number): number[] {
  const offsets = new Set([offsetMs(timezone, wallMs - DAY_MS), offsetMs(timezone, wallMs + DAY_MS)]);
  return [...offsets].map((offset) => wallMs - offset).filter((instant) => instant + offsetMs(timezone, instant) === wallMs).toSorted((a, b) => a - b);
}

/** When the clock would have shown this if it had not been changed within the day before. */
export function unchangedInstant(timezone: string, wallMs: number): number {
  return wallMs - offsetMs(timezone, wallMs - DAY_MS);
}

function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = FORMATS.get(timezone);
  if (!format) {
    const two = '2-digit' as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: two, day: two, hour: two, minute: two, second: two });
    FORMATS.set(timezone, format);
  }
  return format;
}
