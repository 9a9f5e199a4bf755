// The YAML file of `runyard schedules apply`: names and what each schedule shall be.
import type { PutSchedule } from '@runyard/domain';
import { isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document, Pair, YAMLError } from 'yaml';
import type { InputStream } from './context.js';
import { EXIT, Refusal } from './exit-codes.js';
import { readInput, readText } from './read-prompt.js';
import { scheduleId } from './schedule-id.js';
import { oneLine } from './text.js';
import { aliasFault } from './schedules-aliases.js';

export interface ScheduleEntry {
  readonly id: string;
  /** As the file says it; the API checks it. */
  readonly body: Partial<PutSchedule>;
}

const EXAMPLE = 'Write it like this:\n\nschedules:\n  nightly-report:\n    cron: 30 2 * * *\n    timezone: Europe/Berlin\n    run:\n      prompt: Report what changed';
const QUOTE = 'A value that begins with * must stand in quotes, such as cron: "*/5 * * * *".';

/** A text with its lines: what refusals speak of. */
interface Source {
  readonly name: string;
  readonly text: string;
  readonly lines: LineCounter;
}

/** The schedules of a file, `-` for standard input, in its order. @throws Refusal when it cannot be read or is none */
export async function readSchedulesFile(file: string, stdin: InputStream): Promise<ScheduleEntry[]> {
  if (file === '-') return schedulesOf(await readInput(stdin, 'name a YAML file: -f schedules.yaml'), 'standard input');
  return schedulesOf(await readText(file), oneLine(file));
}

/** @throws Refusal that names the line when the text is no YAML, or that shows what is expected */
export function schedulesOf(text: string, name: string): ScheduleEntry[] {
  const source: Source = { name, text, lines: new LineCounter() };
  const document = parseDocument(text, { uniqueKeys: true, merge: true, lineCounter: source.lines });
  const [fault] = document.errors;
  if (fault) throw notYaml(source, fault);
  const alias = aliasFault(document);
  if (alias) throw refusalAt(source, alias.offset, alias.message, alias.message.includes('no anchor') ? QUOTE : 'Write it out instead.');
  return entriesOf(source, document);
}

function entriesOf(source: Source, document: Document.Parsed): ScheduleEntry[] {
  const content = valueOf(source, document);
  if (!isObject(content) || !Object.hasOwn(content, 'schedules')) throw new Refusal(EXIT.usage, `${source.name} holds no schedules.`, EXAMPLE);
  const stranger = Object.keys(content).find((key) => key !== 'schedules');
  if (stranger !== undefined) throw refusalAt(source, offsetOf(document.contents, stranger), `"${oneLine(stranger)}" is not known beside "schedules"`, 'Remove it, or indent it to make it one of the schedules.');
  const { schedules } = content;
  const place = isMap(document.contents) ? document.contents.get('schedules') : undefined;
  if (!isObject(schedules)) throw refusalAt(source, offsetOf(document.contents, 'schedules'), '"schedules" must hold a name for each schedule', EXAMPLE);
  const names = new Map<string, string>();
  return Object.entries(schedules).map(([key, body]) => {
    const id = scheduleId(key);
    const earlier = names.get(id);
    if (earlier !== undefined) throw refusalAt(source, offsetOf(place, key), `"${oneLine(key)}" is the same schedule as "${oneLine(earlier)}"`, 'Keep one of them, or give it another name.');
    names.set(id, key);
    if (!isObject(body)) throw refusalAt(source, offsetOf(place, key), `"${oneLine(key)}" must say when and what to run`, EXAMPLE);
    return { id, body: body as Partial<PutSchedule> };
  });
}

function valueOf({ name }: Source, document: Document.Parsed): unknown {
  try {
    // How much the aliases make of it has been counted.
    return document.toJS({ maxAliasCount: -1 });
  } catch (error) {
    throw new Refusal(EXIT.usage, `${name} cannot be read: ${oneLine(error instanceof Error ? error.message : String(error))}.`, 'Correct the YAML.');
  }
}

function notYaml({ name, text, lines }: Source, { code, message, pos }: YAMLError): Refusal {
  if (code === 'MULTIPLE_DOCS') return new Refusal(EXIT.usage, `${name} holds several YAML documents.`, 'Remove the lines of --- and put all schedules under one "schedules:".');
  const { line } = lines.linePos(pos[0]);
  const hasStar = /(?:^|[:,[{-])\s*\*/.test(text.split('\n')[line - 1] ?? '');
  return new Refusal(EXIT.usage, `${name}: ${oneLine(message.split('\n')[0] ?? '')}`, hasStar ? QUOTE : 'Correct the YAML.');
}

function refusalAt({ name, lines }: Source, offset: number, what: string, next: string): Refusal {
  return new Refusal(EXIT.usage, `${name}, line ${Math.max(1, lines.linePos(offset).line)}: ${what}.`, next);
}

/** Where a key of a mapping stands in the text; 0 when it came from elsewhere. */
function offsetOf(mapping: unknown, name: string): number {
  if (!isMap(mapping)) return 0;
  const pair = mapping.items.find((item): item is Pair => isPair(item) && isScalar(item.key) && String(item.key.value) === name);
  return (pair && isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? mapping.range?.[0] ?? 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
