// The YAML file of `runyard schedules apply`: names and what each schedule shall be.
import type { PutSchedule } from '@runyard/domain';
import { parseDocument } from 'yaml';
import type { InputStream } from './context.js';
import { EXIT, Refusal } from './exit-codes.js';
import { readInput, readText } from './read-prompt.js';
import { scheduleId } from './schedule-id.js';
import { oneLine } from './text.js';

export interface ScheduleEntry {
  readonly id: string;
  /** As the file says it; the API checks it. */
  readonly body: Partial<PutSchedule>;
}

const EXAMPLE = 'Write it like this:\n\nschedules:\n  nightly-report:\n    cron: 30 2 * * *\n    timezone: Europe/Berlin\n    run:\n      prompt: Report what changed';

/** The schedules of a file, `-` for standard input, in its order. @throws Refusal when it cannot be read or is none */
export async function readSchedulesFile(file: string, stdin: InputStream): Promise<ScheduleEntry[]> {
  if (file === '-') return schedulesOf(await readInput(stdin, 'name a YAML file: -f schedules.yaml'), 'standard input');
  return schedulesOf(await readText(file), oneLine(file));
}

/** @throws Refusal that names the line when the text is no YAML, or that shows what is expected */
export function schedulesOf(text: string, name: string): ScheduleEntry[] {
  const document = parseDocument(text, { uniqueKeys: true });
  const [fault] = document.errors;
  if (fault) throw new Refusal(EXIT.usage, `${name}: ${oneLine(fault.message.split('\n')[0] ?? '')}`, 'Correct the YAML.');
  // Aliases may make a small file a huge value.
  const content: unknown = document.toJS({ maxAliasCount: 100 });
  const schedules = isObject(content) && Object.keys(content).join() === 'schedules' ? content['schedules'] : undefined;
  if (!isObject(schedules) || !Object.values(schedules).every(isObject)) throw new Refusal(EXIT.usage, `${name} holds no schedules.`, EXAMPLE);
  return Object.entries(schedules).map(([key, body]) => ({ id: scheduleId(key), body: body as Partial<PutSchedule> }));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
