// Log lines of the stack for people: JSON lines of pino become one short line each; everything else stays, made harmless.
import { number, object, text } from '../live/message.js';
import type { Loose } from '../live/message.js';
import type { Format, Paint } from '../style.js';
import { oneLine, truncate, visible } from '../text.js';

const SERVICE_FORMAT: Readonly<Record<string, Format>> = { up: 'bold', api: 'cyan', worker: 'magenta', demo: 'blue', redis: 'gray' };
const LEVEL_FORMAT: Readonly<Record<string, Format>> = { trace: 'gray', debug: 'gray', warn: 'yellow', error: 'red', fatal: ['red', 'bold'] };
const NAME_WIDTH = 6;
const MESSAGE_LENGTH = 500;
const FIELD_LENGTH = 160;
const SHOWN_ELSEWHERE = new Set(['time', 'level', 'name', 'pid', 'hostname', 'msg', 'v', 'req', 'res', 'err', 'responseTime', 'duration_ms', 'req_id', 'request_id']);
// What Nest tells about itself at every start.
const NEST_CONTEXTS = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** `15:04:05 api    API listening url=http://…`, without a newline; undefined for what nobody wants to read. */
export function renderLogLine(service: string, line: string, now: Date, paint: Paint): string | undefined {
  const name = paint(SERVICE_FORMAT[service] ?? 'bold', service.padEnd(NAME_WIDTH));
  const record = parse(line);
  if (!record) return `${paint('dim', clock(now))} ${name} ${truncate(visible(line).replaceAll('\n', ' '), MESSAGE_LENGTH)}`;
  const level = text(record['level']) ?? 'info';
  if (level === 'info' && NEST_CONTEXTS.has(text(record['context']) ?? '')) return undefined;
  const format = LEVEL_FORMAT[level];
  const message = oneLine(text(record['msg']) ?? '').slice(0, MESSAGE_LENGTH);
  const parts = [
    paint('dim', clock(timeOf(record) ?? now)),
    name,
    format === undefined ? undefined : paint(format, level),
    format === undefined || level === 'debug' || level === 'trace' ? message : paint(format, message),
    ...requestParts(record, message),
    ...errorParts(record),
    ...fieldParts(record, paint),
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

function parse(line: string): Loose | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const record = object(JSON.parse(line));
    return 'msg' in record || 'level' in record ? record : undefined;
  } catch {
    return undefined;
  }
}

function timeOf(record: Loose): Date | undefined {
  const { time } = record;
  if (typeof time !== 'string' && typeof time !== 'number') return undefined;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function clock(time: Date): string {
  return time.toTimeString().slice(0, 8);
}

function requestParts(record: Loose, message: string): string[] {
  const [request, response] = [object(record['req']), object(record['res'])];
  const url = text(request['url']) ?? '';
  const took = number(record['responseTime']) ?? number(record['duration_ms']);
  const said = url !== '' && message.includes(oneLine(url));
  return [...(said ? [] : [text(request['method']), url, String(response['statusCode'] ?? '')]), took === undefined ? undefined : `${Math.round(took)}ms`]
    .filter((part) => part !== undefined && part !== '')
    .map((part) => truncate(oneLine(String(part)), FIELD_LENGTH));
}

function errorParts(record: Loose): string[] {
  const error = object(record['err']);
  const message = text(error['message']) ?? text(record['err']);
  return message === undefined ? [] : [truncate(oneLine(message), MESSAGE_LENGTH)];
}

function fieldParts(record: Loose, paint: Paint): string[] {
  return Object.entries(record)
    .filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && value !== null && value !== undefined && value !== '')
    .map(([name, value]) => {
      const shown = typeof value === 'string' ? value : JSON.stringify(value);
      return `${paint('dim', `${oneLine(name)}=`)}${truncate(oneLine(shown), FIELD_LENGTH)}`;
    });
}
