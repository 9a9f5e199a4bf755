// Is the jitter of a cron schedule smaller than the time between its slots? For intervals the schema says so.
import type { PutSchedule } from '@runyard/domain';
import { nextSlot } from '@runyard/run-queue';

/** No slots of five fields are closer. */
const CLOSEST_SECONDS = 60;
/** Every distance within a day comes in that time; one across midnight may not, when days that follow each other come later. */
const LOOK_AHEAD_MS = 25 * 60 * 60 * 1000;
/** The same for everybody and for ever, in a leap year. */
const FROM_MS = Date.UTC(2024, 0, 1);

/** What is wrong with it, completing the sentence "jitter_seconds …". `cron` must be one that cronFault has nothing against. */
export function jitterFault({ cron, jitter_seconds }: Pick<PutSchedule, 'cron' | 'jitter_seconds'>): string | undefined {
  if (cron === undefined || jitter_seconds < CLOSEST_SECONDS) return undefined;
  // On the wall clock: changes of the clock do not count.
  const rule = { cron, timezone: 'UTC' };
  let slot = nextSlot(rule, FROM_MS - 1);
  for (const untilMs = slot + LOOK_AHEAD_MS; slot < untilMs; ) {
    const next = nextSlot(rule, slot);
    const distance = (next - slot) / 1000;
    if (distance <= jitter_seconds) return `must be less than ${distance}: so many seconds are between two due times of cron`;
    slot = next;
  }
  return undefined;
}
