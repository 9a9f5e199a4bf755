// Ids of schedules as people give them: with or without the prefix.
import { ScheduleId } from '@runyard/domain';
import { EXIT, Refusal } from './exit-codes.js';
import { oneLine } from './text.js';

/** @throws Refusal when the text cannot be the name of a schedule */
export function scheduleId(text: string): string {
  const id = text.startsWith('sch_') ? text : `sch_${text}`;
  if (ScheduleId.safeParse(id).success) return id;
  throw new Refusal(EXIT.usage, `"${oneLine(text)}" cannot be the name of a schedule.`, 'Use 1 to 64 of a-z, 0-9, - and _, such as nightly-report.');
}
